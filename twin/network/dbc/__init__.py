"""Databases and codecs: DBC files are the only source of layouts."""
