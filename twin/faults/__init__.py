"""Faults, one file each: timed changes to the simulated world, stated as data."""
