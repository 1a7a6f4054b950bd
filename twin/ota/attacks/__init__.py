"""Attacks on updates, one file each: what becomes of an offer between repositories and ECUs."""
