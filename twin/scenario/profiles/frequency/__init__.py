"""The frequency of the grid, one file a profile."""
