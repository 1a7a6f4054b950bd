"""Profiles, one file each: load, PV and ambient of the sites over the run."""
