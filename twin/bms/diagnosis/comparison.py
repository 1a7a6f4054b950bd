"""How the cells of a module differ from each other: looked at slowly, since what shows there is slow.

The cells of a module carry the same current at nearly the same temperature, so what a cell's voltage is above the mean
of the others says what is peculiar to it. Every ten seconds that difference is taken; from steps of the current follows
the resistance that a cell has more than the others, from rest the charge that it has more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.bms.diagnosis.ledger import Ledger, Losses
from twin.bms.diagnosis.look import Look
from twin.bms.diagnosis.readings import others_apart
from twin.bms.module_data import ModuleData
from twin.bms.rows import each, put, take

__all__ = ["Apart", "Comparison", "Losses"]

FloatArray = NDArray[np.float64]
SmallArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

PERIOD_NS: Final = 10_000_000_000
STEP_A: Final = 10.0
"""A smaller change of the current says too little of resistances, at 1 mV of resolution."""
_TRUSTED_A: Final = 30.0
"""A step of so much counts half, a larger one more."""
_RESTING_C: Final = 0.05
"""Up to this share of the capacity in A, a module counts as resting."""
_STILL_A: Final = 0.02
_FORGETTING: Final = 0.1
"""Weight of a new look in a mean."""
_MOST_NOISE_V: Final = 0.01
"""A single jump counts as no more noise than this."""


@dataclass(frozen=True)
class Apart:
    """What each cell has more than the mean of the others of its module."""

    seen_ns: IntArray
    """When the cells were compared last, ``[row]``; -1: not yet."""
    current_A: FloatArray
    balancing_A: FloatArray
    """Of all cells together."""
    duty: SmallArray
    voltage_V: SmallArray
    """Measured at that look, ``[row, cell]``."""
    noise_V2: SmallArray
    """Mean square of its changes while nothing else changes."""
    extra_ohm: SmallArray
    resting_V: SmallArray
    """Mean while the module rests, without what its current does on ``extra_ohm``."""
    resting: IntArray
    """At how many looks in a row the module has rested, ``[row]``."""

    @classmethod
    def initial(cls, rows: int, cells: int) -> Apart:
        """Return what is known of modules that were not seen yet."""
        duty, voltage_V, noise_V2, extra_ohm, resting_V = np.zeros((5, rows, cells), np.float32)
        current_A, balancing_A = np.zeros((2, rows))
        never, resting = np.full(rows, -1), np.zeros(rows, np.int64)
        return cls(never, current_A, balancing_A, duty, voltage_V, noise_V2, extra_ohm, resting_V, resting)

    def step(self, look: Look, module: ModuleData) -> Apart:
        """Return what is known after a look."""
        measured = look.measured
        current_A, drawn_A = measured.current_A, look.balancing_A.sum(axis=1)
        apart_V = others_apart(measured.voltage_V, measured.voltage_V.mean(axis=1))
        moved_V = apart_V - self.voltage_V
        step_A = current_A - self.current_A
        seen = self.seen_ns >= 0
        quiet = seen & (np.abs(drawn_A - self.balancing_A) < _STILL_A)
        extra_ohm = self._resistance(moved_V, np.where(quiet, step_A, 0.0))
        calm = (quiet & (np.abs(step_A) < STEP_A))[:, None]
        noise_V2 = np.minimum(np.abs(moved_V), _MOST_NOISE_V) ** 2
        resting = np.where(np.abs(current_A) <= _RESTING_C * module.capacity_Ah, self.resting + 1, 0)
        inner_V = apart_V + current_A[:, None] * extra_ohm
        weight = np.maximum(_FORGETTING, 1.0 / np.maximum(resting, 1))[:, None]
        return Apart(
            measured.time_ns,
            current_A,
            drawn_A,
            look.duty.astype(np.float32),
            apart_V.astype(np.float32),
            (self.noise_V2 + _FORGETTING * calm * (noise_V2 - self.noise_V2)).astype(np.float32),
            extra_ohm.astype(np.float32),
            (self.resting_V + weight * (inner_V - self.resting_V)).astype(np.float32),
            resting,
        )

    def _resistance(self, moved_V: FloatArray, step_A: FloatArray) -> FloatArray:
        """Return the extra resistance after a change of the current, which counts the more the larger it is."""
        stepped = np.abs(step_A) >= STEP_A
        gain = np.where(stepped, step_A**2 / (step_A**2 + _TRUSTED_A**2), 0.0)
        seen_ohm = -moved_V / np.where(stepped, step_A, 1.0)[:, None]
        ohm: FloatArray = self.extra_ohm + gain[:, None] * (seen_ohm - self.extra_ohm)
        return ohm


@dataclass(frozen=True)
class Comparison:
    """The cells' differences, and the charge that they lost."""

    apart: Apart
    ledger: Ledger

    @classmethod
    def initial(cls, rows: int, cells: int) -> Comparison:
        """Return what is known of modules that were not seen yet."""
        return cls(Apart.initial(rows, cells), Ledger.initial(rows, cells))

    def step(self, look: Look, module: ModuleData) -> tuple[Comparison, BoolArray, Losses | None]:
        """Compare the cells of those rows that are due; return which they are and what charge went astray there."""
        seen_ns = self.apart.seen_ns
        due = (seen_ns < 0) | (look.measured.time_ns - seen_ns >= PERIOD_NS)
        if due.all():
            comparison, losses = self._all(look, module)
            return comparison, due, losses
        if not due.any():
            return self, due, None
        rows = np.flatnonzero(due)
        after = each(np.copy, self)
        part, losses = take(self, rows)._all(look.of(rows), module)
        put(after, rows, part)
        return after, due, losses and losses.among(rows, len(due))

    def _all(self, look: Look, module: ModuleData) -> tuple[Comparison, Losses | None]:
        apart = self.apart.step(look, module)
        elapsed_ns = np.where(self.apart.seen_ns < 0, 0, look.measured.time_ns - self.apart.seen_ns)
        ledger, losses = self.ledger.step(look, module, elapsed_ns, apart.resting, apart.resting_V.astype(np.float64))
        return Comparison(apart, ledger), losses
