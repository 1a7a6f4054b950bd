"""Random streams keyed by entity, so that no draw depends on the order of calls or on which other sites exist."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, *key: str | int) -> np.random.Generator:
    """Return the generator of one entity and purpose, e.g. ``stream(seed, "site", 12, "capacity")``.

    Words enter through their CRC-32, which is the same on every machine and Python.
    """
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in key]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=words)))
