"""Half cycles of cells, counted as they happen: from one turning point of the state of charge to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

RESTING_C_RATE = 0.01
"""Below this rate a cell is taken to rest: its time does not count as time of a cycle."""


@dataclass(frozen=True)
class Closed:
    """The half cycles that a look has closed, ``[n]``, and whose they are."""

    cells: NDArray[np.bool_]
    """Of the shape of ``soc``."""
    depth: FloatArray
    c_rate: FloatArray
    """Mean rate while current flowed, of the capacity an hour."""


class HalfCycles:
    """Where each cell stands between two turning points; arrays of the shape of ``soc``, changed in place.

    A half cycle is closed when the state of charge has come back from its extreme by more than ``least_depth``; what
    moves less is not counted. A cycle that a smaller one interrupts is counted in pieces, unlike in rainflow counting.
    """

    def __init__(self, soc: FloatArray, least_depth: float) -> None:
        self.least_depth = least_depth
        self.turn, self.extreme, self.last = soc.copy(), soc.copy(), soc.copy()
        self.moving_s, self.since_extreme_s = np.zeros_like(soc), np.zeros_like(soc)
        """Time with current: from the turning point to the extreme, and since then."""

    def count(self, elapsed_s: float, soc: FloatArray) -> Closed:
        """Return what has closed by the time that the cells are at ``soc``, ``elapsed_s`` after the look before."""
        moves = np.abs(soc - self.last) * 3600.0 >= RESTING_C_RATE * elapsed_s
        self.since_extreme_s += elapsed_s * moves
        self.last[...] = soc
        way = self.extreme - self.turn
        ahead = np.sign(way) * (soc - self.extreme)
        closes = ahead < -self.least_depth
        depth, moving_s = np.abs(way[closes]), self.moving_s[closes]
        found = Closed(closes, depth, np.divide(3600.0 * depth, moving_s, out=np.zeros_like(depth), where=moving_s > 0))
        self.turn[closes] = self.extreme[closes]
        self.moving_s[closes] = 0.0
        self._go_on((ahead > 0.0) | (way == 0.0) | closes, soc)
        return found

    def renew(self, where: Any, soc: FloatArray) -> None:
        """Begin anew at the index ``where``."""
        for array in (self.turn, self.extreme, self.last):
            array[where] = soc
        self.moving_s[where] = self.since_extreme_s[where] = 0.0

    def arrays(self) -> tuple[FloatArray, ...]:
        """Return the arrays, changed in place."""
        return self.turn, self.extreme, self.last, self.moving_s, self.since_extreme_s

    def _go_on(self, further: NDArray[np.bool_], soc: FloatArray) -> None:
        self.extreme[further] = soc[further]
        self.moving_s[further] += self.since_extreme_s[further]
        self.since_extreme_s[further] = 0.0
