"""How modules are cooled, one file each."""
