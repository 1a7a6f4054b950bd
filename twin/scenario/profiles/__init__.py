"""Profiles, one file each: load, PV, ambient, tariff, grid frequency and planned power of the sites over the run."""
