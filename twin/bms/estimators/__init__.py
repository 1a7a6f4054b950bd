"""State estimators, one file each."""
