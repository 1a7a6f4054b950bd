"""Dask: workers from wherever they come, points that are tried until they are done."""
