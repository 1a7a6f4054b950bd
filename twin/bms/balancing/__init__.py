"""Balancing strategies, one file each."""
