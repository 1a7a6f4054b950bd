"""Bit stuffing as a state machine of eight states, and as tables that take a byte at a time.

After five equal levels a sender inserts a bit of the other level, which is the first of the next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

_LONGEST_RUN = 5


def run_state(level: int, run: int) -> int:
    """Return one of eight states: the level of the bus, and for how many bits (1 to 4) it has been there."""
    return level << 2 | run - 1


IDLE = run_state(1, 1)
"""An idle bus is recessive; the start of frame ends that run, however long it was."""


def shift(state: int, bit: int) -> tuple[int, int]:
    """Send one bit; return the new state and whether a stuff bit, already part of the new state, followed."""
    level, run = state >> 2, (state & 3) + 1
    if bit != level:
        return run_state(bit, 1), 0
    if run + 1 < _LONGEST_RUN:
        return run_state(bit, run + 1), 0
    return run_state(1 - bit, 1), 1


def stuffed_after(bits: Sequence[int]) -> tuple[int, list[int]]:
    """Send bits from an idle bus; return the state that they leave, and for every bit whether a stuff bit follows."""
    state, followed = IDLE, []
    for bit in bits:
        state, stuffed = shift(state, bit)
        followed.append(stuffed)
    return state, followed


@cache
def stuffing_table(width: int) -> NDArray[np.uint8]:
    """Return ``[state, symbol]`` of ``width`` bits, first bit highest: the next state plus 8 times the stuff bits."""
    if width == 1:
        rows = [[shift(state, bit) for bit in (0, 1)] for state in range(8)]
        return np.array([[state | stuffed << 3 for state, stuffed in row] for row in rows], np.uint8)
    first, rest = stuffing_table(width // 2), stuffing_table(width - width // 2)
    entry = first[:, :, None]
    following = rest[entry & 7, np.arange(rest.shape[1])]
    return (following + (entry & ~np.uint8(7))).reshape(8, -1)


@cache
def stuffing_table_of_last_byte() -> NDArray[np.uint8]:
    """Return ``[state, byte]`` as ``stuffing_table(8)``, without the stuff bit that would follow the byte's last bit.

    The states are those behind seven bits: nothing follows that could use them.
    """
    all_but_one = stuffing_table(7)
    return np.repeat(all_but_one, 2, axis=1)


@cache
def stuffing_table_of_pairs() -> NDArray[np.uint8]:
    """Return ``[state, word]`` of two bytes as they lie in memory: the first one, sent first, is the lower half."""
    by_time = stuffing_table(16).reshape(8, 256, 256)
    return np.ascontiguousarray(by_time.swapaxes(1, 2)).reshape(8, -1)
