"""The report of a run and its plots, one file each."""
