"""What diagnoses judge by: a look, what was seen before, and what several of them need worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from twin.bms.diagnosis.comparison import Apart, Losses
from twin.bms.diagnosis.look import Look
from twin.bms.diagnosis.readings import (
    JOINT_V,
    JUMPED_K,
    POSSIBLE_K,
    POSSIBLE_V,
    Extreme,
    credible_K,
    credible_V,
    highest,
    lowest,
)
from twin.bms.module_data import ModuleData

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

MODULE: Final = -1
"""Instead of a cell: the module as a whole."""
_JUMP_K_S: Final = 1.0
"""Faster, no cell of 5 kg warms; the runaway criterion of UN GTR 20 is the same number."""


@dataclass(frozen=True)
class Recent:
    """The last temperatures, ``[row, cell]``, and when they were seen, ``[row]``; -1: not yet."""

    time_ns: IntArray
    temperature_K: NDArray[np.float32]
    jumped_K: NDArray[np.float32]
    """What they have jumped by in all; back again is 0."""

    @classmethod
    def initial(cls, rows: int, cells: int) -> Recent:
        """Return what is known of modules that were not seen yet."""
        temperature_K, jumped_K = np.zeros((2, rows, cells), np.float32)
        return cls(np.full(rows, -1), temperature_K, jumped_K)


@dataclass(frozen=True)
class Evidence:
    """A look with all that may be concluded from it."""

    look: Look
    module: ModuleData
    recent: Recent
    """Before this look."""
    before: Apart
    """How the cells differed from each other when they were compared before."""
    apart: Apart
    """How they differ now."""
    compared: BoolArray
    """Rows that were compared at this look, ``[row]``."""
    losses: Losses | None
    """Charge that went astray, if some row was examined for it at this look."""

    @cached_property
    def nothing(self) -> FloatArray:
        """What to say of modules where there is nothing to say, ``[row]``."""
        return np.full(len(self.compared), np.nan)

    @cached_property
    def whole(self) -> IntArray:
        """The cell of what is about modules as a whole, ``[row]``."""
        return np.full(len(self.compared), MODULE)

    @cached_property
    def elapsed_ns(self) -> IntArray:
        """Time since the last look, 0 at the first, ``[row]``."""
        return np.where(self.recent.time_ns < 0, 0, self.look.measured.time_ns - self.recent.time_ns)

    @cached_property
    def sum_V(self) -> FloatArray:
        """Of the cells' voltages, ``[row]``."""
        total: FloatArray = self.look.measured.voltage_V.sum(axis=1)
        return total

    @cached_property
    def mean_V(self) -> FloatArray:
        """Of the cells' voltages, ``[row]``."""
        return self.sum_V / self.module.cells

    @cached_property
    def read_highest(self) -> Extreme:
        """The highest reading of a voltage, credible or not."""
        return highest(self.look.measured.voltage_V)

    @cached_property
    def read_lowest(self) -> Extreme:
        """The lowest reading of a voltage, credible or not."""
        return lowest(self.look.measured.voltage_V)

    @cached_property
    def odd(self) -> BoolArray:
        """Rows with a voltage reading that may not be true, ``[row]``."""
        above, below = self.read_highest.value - self.mean_V, self.mean_V - self.read_lowest.value
        rails = (self.read_lowest.value < POSSIBLE_V[0]) | (self.read_highest.value > POSSIBLE_V[1])
        return rails | ((above >= JOINT_V) & (below >= JOINT_V))

    @cached_property
    def _credible_V(self) -> FloatArray:
        credible = self.look.measured.voltage_V.copy()
        credible[self.odd] = credible_V(credible[self.odd], self.look.module_V[self.odd])
        return credible

    @cached_property
    def highest_V(self) -> Extreme:
        """The highest voltage that a cell can have by what is read."""
        return highest(self._credible_V) if self.odd.any() else self.read_highest

    @cached_property
    def lowest_V(self) -> Extreme:
        """The lowest voltage that a cell can have by what is read."""
        return lowest(self._credible_V) if self.odd.any() else self.read_lowest

    @cached_property
    def read_hottest(self) -> Extreme:
        """The highest reading of a temperature, credible or not."""
        return highest(self.look.measured.temperature_K)

    @cached_property
    def read_coldest(self) -> Extreme:
        """The lowest reading of a temperature, credible or not."""
        return lowest(self.look.measured.temperature_K)

    @cached_property
    def _credible_K(self) -> FloatArray:
        measured_K = self.look.measured.temperature_K
        odd = bool(((self.read_coldest.value <= POSSIBLE_K[0]) | (self.read_hottest.value >= POSSIBLE_K[1])).any())
        return credible_K(measured_K, self.jumped_K) if odd else measured_K

    @cached_property
    def hottest_K(self) -> Extreme:
        """The highest temperature that a working sensor reads."""
        credible = self._credible_K
        return self.read_hottest if credible is self.look.measured.temperature_K else highest(credible)

    @cached_property
    def coldest_K(self) -> Extreme:
        """The lowest temperature that a working sensor reads."""
        credible = self._credible_K
        return self.read_coldest if credible is self.look.measured.temperature_K else lowest(credible)

    @cached_property
    def temperature_K(self) -> NDArray[np.float32]:
        """What is read, as precisely as any sensor: half the memory to go through, ``[row, cell]``."""
        return self.look.measured.temperature_K.astype(np.float32)

    @cached_property
    def jump_K(self) -> NDArray[np.float32] | None:
        """By how much temperatures changed where no cell can change so fast, else 0, ``[row, cell]``; None: nowhere."""
        measured_K = self.temperature_K
        first = self.recent.time_ns < 0
        change_K = measured_K - self.recent.temperature_K
        allowed_K = np.where(first, np.inf, JUMPED_K + _JUMP_K_S * 1e-9 * self.elapsed_ns).astype(np.float32)
        impossible = np.abs(change_K) > allowed_K[:, None]
        if first.any():
            outside = first[:, None] & ((measured_K <= POSSIBLE_K[0]) | (measured_K >= POSSIBLE_K[1]))
            change_K = np.where(outside, measured_K - np.median(measured_K, axis=1, keepdims=True), change_K)
            impossible |= outside
        return np.where(impossible, change_K, np.float32(0.0)) if impossible.any() else None

    @cached_property
    def jumped_K(self) -> NDArray[np.float32]:
        """By how much temperature readings have jumped in all, ``[row, cell]``: what their sensors are off."""
        return self.recent.jumped_K if self.jump_K is None else self.recent.jumped_K + self.jump_K

    def remembered(self) -> Recent:
        """Return what the next look is compared with."""
        return Recent(self.look.measured.time_ns, self.temperature_K, self.jumped_K)

    def where_compared(self, worst: Extreme) -> tuple[NDArray[np.floating[Any]], IntArray]:
        """Return a value and its cell where the row was compared at this look; elsewhere nothing is said."""
        return np.where(self.compared, worst.value, np.nan), worst.cell
