"""Architectures, one file each: which ECUs exist and who decides what."""
