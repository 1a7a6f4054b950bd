"""What chance decides on a bus, as integers, so that every engine decides the same.

A draw is a hash of a site's key, a stream and a counter (the finalizer of SplitMix64: Steele, Lea, Flood 2014,
doi:10.1145/2660193.2660195), so no draw depends on the order of others.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.errors import InputError, Problem

JITTER_STREAM = 1 << 32
"""Stream of the jitter of message m: this plus m. The stream of the bit errors on segment s is s."""
LONGEST_FRAME_BITS = 1024
"""More than any frame has."""

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def draw(key: int, stream: int, index: int) -> int:
    """Return 64 random bits: number ``index`` of a stream of a site."""
    return _mixed(_mixed(key + stream * _GOLDEN) + index * _GOLDEN)


def jitter_ns(key: int, message: int, instance: int, most_ns: int) -> int:
    """Return how much later than its nominal instant an instance of a cyclic message is released: 0 to ``most_ns``."""
    return draw(key, JITTER_STREAM + message, instance) % (most_ns + 1)


def first_error_thresholds(rate: float) -> NDArray[np.uint64]:
    """Return ``uint64[LONGEST_FRAME_BITS]``: a frame's first wrong bit is the first one whose entry is above a draw.

    Each bit is wrong by itself with probability ``rate``; entry k is the probability that one of bits 0 to k is, times
    2**64. Raises InputError unless 0 <= rate <= 1.
    """
    if not 0.0 <= rate <= 1.0:
        raise InputError(Problem(f"found a bit error rate of {rate:g}; expected 0 to 1", path="rate"))
    if rate == 1.0:
        return np.full(LONGEST_FRAME_BITS, _MASK, np.uint64)
    survived = math.log1p(-rate)
    shares = [-math.expm1((bit + 1) * survived) for bit in range(LONGEST_FRAME_BITS)]
    return np.array([min(int(share * 2.0**64), _MASK) for share in shares], np.uint64)


def _mixed(value: int) -> int:
    value &= _MASK
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & _MASK
    return value ^ value >> 31
