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

_UNKNOWN: Final = np.float32(np.nan)

PERIOD_NS: Final = 10_000_000_000
LATE_NS: Final = 3 * PERIOD_NS
"""After so long, what has changed with the current is not all resistance: the cells have moved along their curves."""
STEP_A: Final = 10.0
"""From such a change of the current on, unequal resistances show in the voltages."""
_LEAST_A: Final = 4.0
"""A smaller change says too little of resistances, at 1 mV of resolution."""
_TRUSTED_A: Final = 20.0
"""A change of so much counts half, a larger one more: noise then leaves an error of some 30 uOhm at any change."""
_RESTING_C: Final = 0.05
"""Up to this share of the capacity in A, a module counts as resting: what unequal polarisation does is small."""
_FORGETTING: Final = 0.1
"""Weight of a new look in a mean of noise..."""
_SETTLING: Final = 0.03
"""... and in that of a resting voltage: of 0.6 mV of noise, 0.07 mV are left."""
_SUDDEN_V: Final = 0.015
_SUDDEN_A: Final = 10.0
"""A voltage that changes by so much while so large a current stays has met a resistance, if it is not the sensor's."""
_QUIET_V2: Final = 0.003**2
"""The reading of a cell that is noisier changes by itself, and tells nothing of resistance and charge."""
_SUM_V: Final = 0.03
"""Within this of the voltage of the module, no sensor of its cells has changed."""
_MOST_NOISE_V: Final = 0.012
"""A single jump counts as no more noise than this."""


@dataclass(frozen=True)
class Apart:
    """What each cell has more than the mean of the others of its module."""

    seen_ns: IntArray
    """When the cells were compared last, ``[row]``; -1: not yet."""
    current_A: FloatArray
    duty: SmallArray
    voltage_V: SmallArray
    """Measured at that look, ``[row, cell]``."""
    moved_V: SmallArray
    """Its last change; NaN where something else changed."""
    noise_V2: SmallArray
    """Its variance while nothing else changes, by second differences: a cell that drifts is not noisy."""
    extra_ohm: SmallArray
    resting_V: SmallArray
    """Mean while the module rests, without what its current does on ``extra_ohm``."""
    resting: IntArray
    """At how many looks in a row the module has rested, ``[row]``."""

    @classmethod
    def initial(cls, rows: int, cells: int) -> Apart:
        """Return what is known of modules that were not seen yet."""
        duty, voltage_V, moved_V, noise_V2, extra_ohm, resting_V = np.zeros((6, rows, cells), np.float32)
        moved_V[:] = np.nan
        never, resting = np.full(rows, -1), np.zeros(rows, np.int64)
        return cls(never, np.zeros(rows), duty, voltage_V, moved_V, noise_V2, extra_ohm, resting_V, resting)

    def step(self, look: Look, module: ModuleData) -> Apart:
        """Return what is known after a look."""
        measured, duty = look.measured, look.duty.astype(np.float32)
        current_A = measured.current_A
        apart_V = others_apart(measured.voltage_V, measured.voltage_V.mean(axis=1)).astype(np.float32)
        moved_V = apart_V - self.voltage_V
        step_A = np.where(self.seen_ns >= 0, current_A - self.current_A, np.nan)
        late = measured.time_ns - self.seen_ns >= LATE_NS
        quiet = ~_switched(duty, self.duty)
        calm_V = np.where(quiet & (np.abs(step_A) < STEP_A)[:, None], moved_V, _UNKNOWN)
        extra_ohm = self._after_step(moved_V, np.where(late, np.nan, step_A), quiet)
        noise_V2 = self._noise_V2(calm_V)
        extra_ohm = self._after_jump(extra_ohm, np.where(late[:, None], _UNKNOWN, calm_V), look)
        extra_ohm = extra_ohm * (noise_V2 <= _QUIET_V2)
        resting = np.where(np.abs(current_A) <= _RESTING_C * module.capacity_Ah, self.resting + 1, 0)
        inner_V = apart_V + current_A.astype(np.float32)[:, None] * extra_ohm
        weight = np.maximum(_SETTLING, 1.0 / np.maximum(resting, 1)).astype(np.float32)[:, None]
        return Apart(
            measured.time_ns,
            current_A,
            duty,
            apart_V,
            calm_V,
            noise_V2,
            extra_ohm,
            (self.resting_V + weight * (inner_V - self.resting_V)).astype(np.float32, copy=False),
            resting,
        )

    def _noise_V2(self, calm_V: SmallArray) -> SmallArray:
        """Return the variance after one more second difference, whose own is six times as large."""
        curved_V = calm_V - self.moved_V
        counts = ~np.isnan(curved_V)
        noise_V2 = np.minimum(np.abs(np.where(counts, curved_V, np.float32(0.0))), _MOST_NOISE_V) ** 2 / 6.0
        return self.noise_V2 + (_FORGETTING * counts).astype(np.float32) * (noise_V2 - self.noise_V2)

    def _after_step(self, moved_V: SmallArray, step_A: FloatArray, quiet: BoolArray) -> SmallArray:
        """Return the extra resistance after a change of the current, which counts the more the larger it is."""
        stepped = np.abs(step_A) >= _LEAST_A
        if not stepped.any():
            return self.extra_ohm
        gain = np.where(stepped, step_A**2 / (step_A**2 + _TRUSTED_A**2), 0.0).astype(np.float32)[:, None]
        seen_ohm = -moved_V / np.where(stepped, step_A, 1.0).astype(np.float32)[:, None]
        return self.extra_ohm + quiet * gain * (seen_ohm - self.extra_ohm)

    def _after_jump(self, extra_ohm: SmallArray, calm_V: SmallArray, look: Look) -> SmallArray:
        """Return the extra resistance with what a cell met at once before the last look.

        Charging it then reads more, discharging less; it stays so, and the voltage of the module agrees.
        """
        jumped = np.abs(self.moved_V) >= _SUDDEN_V
        if not jumped.any():
            return extra_ohm
        current_A = look.measured.current_A
        sound = np.abs(look.measured.voltage_V.sum(axis=1) - look.module_V) <= _SUM_V
        flows = sound & (np.abs(current_A) >= _SUDDEN_A)
        met_ohm = -self.moved_V / np.where(flows, current_A, 1.0).astype(np.float32)[:, None]
        met = jumped & (np.abs(calm_V) < _SUDDEN_V / 3.0) & flows[:, None]
        return np.where(met, extra_ohm + np.maximum(met_ohm, 0.0), extra_ohm).astype(np.float32)


def _switched(duty: SmallArray, before: SmallArray) -> BoolArray:
    """Return the cells whose reading balancing may have moved: its own switch, or a neighbour's, was thrown."""
    thrown: BoolArray = duty != before
    near = thrown.copy()
    near[:, 1:] |= thrown[:, :-1]
    near[:, :-1] |= thrown[:, 1:]
    return near


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
        resting_V = np.where(apart.noise_V2 <= _QUIET_V2, apart.resting_V, np.nan)
        ledger, losses = self.ledger.step(look, module, elapsed_ns, apart.resting, resting_V)
        return Comparison(apart, ledger), losses
