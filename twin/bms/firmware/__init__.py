"""What ECUs run, one file a firmware: pure functions over rows of ECUs."""
