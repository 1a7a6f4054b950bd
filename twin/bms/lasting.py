"""Since when something is so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

NEVER = -1
RESTART_SHOWN_NS = 60_000_000_000
"""For so long an ECU says that it has restarted."""


def since(before_ns: IntArray, is_so: NDArray[np.bool_], time_ns: IntArray) -> IntArray:
    """Return since when ``is_so[row, ...]`` holds without a break, NEVER where it does not; ``time_ns[row]`` is now."""
    now_ns = time_ns.reshape(-1, *(1,) * (is_so.ndim - 1))
    return np.where(is_so, np.where(before_ns == NEVER, now_ns, before_ns), NEVER)
