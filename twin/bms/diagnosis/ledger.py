"""Charge that cells lose against the others of their module, and how much of it balancing explains.

By a cell's resting voltage above the others', the OCV curve tells the charge that it has more, as a share of the
capacity. Compared with what it was an hour ago, and two days ago, that tells what the cell has lost since. What
is uncertain about it is taken off first, so that a small loss shows late and no loss shows where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.bms.diagnosis.look import Look
from twin.bms.diagnosis.readings import others_apart
from twin.bms.module_data import ModuleData
from twin.bms.ocv import OcvCurve

FloatArray = NDArray[np.float64]
SmallArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

HORIZON_NS: Final = np.array([3_600_000_000_000, 259_200_000_000_000])
"""The past that a cell is compared with is renewed at this age: a fast loss shows in an hour, a slow one in days."""
PERIOD_NS: Final = 300_000_000_000
RESTED: Final = 30
"""Looks at rest that a voltage must have behind it."""
UNCERTAIN_V: Final = 0.00025
"""Of a resting voltage against the others': resolution, relaxation that is not the same (chosen)."""
ENTROPIC_V_K: Final = 0.0002
"""Highest entropic coefficient of the cells, data/cells/lfp_by_soc.csv: cells that are not equally warm differ."""
THERMAL_K: Final = 0.03
"""Share by which resistances fall for each kelvin, near 25 degC: some 2000 to 4000 K of activation over its square."""
UNEQUAL: Final = 0.25
"""Share by which cells' capacities may differ, so that they come apart while the module is cycled."""
GUESSES: Final = (-0.04, 0.0, 0.04)
"""By so much the estimated SOC may be off, at which the OCV curve is read: it is bent, so the least loss counts."""
CHANGED: Final = 0.1
"""Share of what cells came apart that is uncertain, since the curve is that of another cell."""
SLOPES_V: Final = (0.03, 0.6)
"""Slope of the OCV curve, V per unit of SOC: below, voltage says nothing of charge; above, the curve bends too much."""
HIGHEST_SOC: Final = 0.9
"""Likewise: near full, relaxation takes hours."""
CYCLED: Final = 0.2
"""From this change of SOC on, coming apart says something of the capacity."""


@dataclass(frozen=True)
class Losses:
    """What went astray, ``[row, cell]``; NaN where a row was not examined."""

    leak_A: FloatArray
    """Lost by more than balancing explains; negative where less was lost than balancing should have drawn."""
    drawn_A: FloatArray
    """What balancing should have drawn, more than from the others; 0 where that is too little to be seen."""
    missing: FloatArray
    """Capacity that the cell has less than the others, as a share."""

    def among(self, rows: IntArray, count: int) -> Losses:
        """Return the same among all ``count`` rows."""
        return Losses(*(_among(part, rows, count) for part in (self.leak_A, self.drawn_A, self.missing)))


@dataclass(frozen=True)
class Ledger:
    """What each cell had more than the others, some time ago, ``[row, horizon]`` or ``[row, horizon, cell]``."""

    examined_ns: IntArray
    """``[row]``; -1: not yet."""
    past_ns: IntArray
    """-1: none yet."""
    past_soc: FloatArray
    """Of the module."""
    past_tolerance: FloatArray
    past_apart: SmallArray
    """Share of the capacity, ``[row, horizon, guess, cell]``."""
    drawn_Ah: SmallArray
    """By balancing since then, more than from the others."""

    @classmethod
    def initial(cls, rows: int, cells: int) -> Ledger:
        """Return the ledger of modules that were not seen yet."""
        shape = (rows, len(HORIZON_NS))
        apart = np.zeros((*shape, len(GUESSES), cells), np.float32)
        drawn_Ah = np.zeros((*shape, cells), np.float32)
        return cls(np.full(rows, -1), np.full(shape, -1), np.zeros(shape), np.zeros(shape), apart, drawn_Ah)

    def step(
        self, look: Look, module: ModuleData, elapsed_ns: IntArray, resting: IntArray, resting_V: FloatArray
    ) -> tuple[Ledger, Losses | None]:
        """Book what balancing drew for ``elapsed_ns[row]``, and examine the rows that have rested long enough."""
        drawn_Ah = self.drawn_Ah
        if look.balancing_A.any():
            relative_A = others_apart(look.balancing_A, look.balancing_A.mean(axis=1))
            drawn_Ah = (drawn_Ah + (relative_A * (elapsed_ns / 3.6e12)[:, None])[:, None]).astype(np.float32)
        time_ns = look.measured.time_ns
        soc = look.cell_soc.mean(axis=1)
        slope_V = _slope_V(module.ocv, soc)
        due = (self.examined_ns < 0) | (time_ns - self.examined_ns >= PERIOD_NS)
        due &= (resting >= RESTED) & (slope_V >= SLOPES_V[0]) & (slope_V <= SLOPES_V[1]) & (soc <= HIGHEST_SOC)
        booked = Ledger(self.examined_ns, self.past_ns, self.past_soc, self.past_tolerance, self.past_apart, drawn_Ah)
        if not due.any():
            return booked, None
        tolerance = _uncertain_V(look, module) / np.where(due, slope_V, 1.0)
        apart = np.stack([_more(module.ocv, soc + off, resting_V) for off in GUESSES], axis=1)
        now = _Now(time_ns, soc, tolerance, apart)
        return booked._renewed(now, due), booked._losses(now, due, module.capacity_Ah)

    def _losses(self, now: _Now, due: BoolArray, capacity_Ah: float) -> Losses:
        """Return what was lost since each past, the clearest of both, where there is a past."""
        known = due[:, None] & (self.past_ns >= 0)
        hours = np.where(known, np.maximum(now.time_ns[:, None] - self.past_ns, 1) / 3.6e12, np.nan)[..., None]
        cycled = now.soc[:, None] - self.past_soc
        drawn = self.drawn_Ah / capacity_Ah
        gained = _least(now.apart[:, None] - self.past_apart + drawn[:, :, None])
        tolerance = (self.past_tolerance + now.tolerance[:, None])[..., None] + CHANGED * np.abs(gained)
        uncertain = tolerance + UNEQUAL * np.abs(cycled)[..., None]
        leak = -_beyond(gained, uncertain) * capacity_Ah / hours
        short, long = leak[:, 0], leak[:, 1]
        far = np.abs(cycled[:, 1]) >= CYCLED
        missing = _beyond(gained[:, 1], tolerance[:, 1]) / np.where(far, cycled[:, 1], np.nan)[:, None]
        # Beside a cell that has lost very much, all others seem to have gained.
        size = np.abs(gained[:, 1])
        missing = np.where(size >= size.max(axis=1, keepdims=True), missing, np.minimum(missing, 0.0))
        recent = ~(np.abs(short) <= np.abs(long)) & ~np.isnan(short)
        drawn_A = np.where(np.abs(drawn) > uncertain, drawn, 0.0) * capacity_Ah / hours
        return Losses(
            np.where(recent, short, long),
            np.where(recent, drawn_A[:, 0], drawn_A[:, 1]),
            np.where(known[:, 1, None], missing, np.nan),
        )

    def _renewed(self, now: _Now, due: BoolArray) -> Ledger:
        """Return the ledger after an examination: a past that is too old gives way to the present."""
        old = due[:, None] & ((self.past_ns < 0) | (now.time_ns[:, None] - self.past_ns >= HORIZON_NS))
        return Ledger(
            np.where(due, now.time_ns, self.examined_ns),
            np.where(old, now.time_ns[:, None], self.past_ns),
            np.where(old, now.soc[:, None], self.past_soc),
            np.where(old, now.tolerance[:, None], self.past_tolerance),
            np.where(old[..., None, None], now.apart[:, None], self.past_apart).astype(np.float32),
            np.where(old[..., None], 0.0, self.drawn_Ah).astype(np.float32),
        )


@dataclass(frozen=True)
class _Now:
    """What is compared with the past."""

    time_ns: IntArray
    soc: FloatArray
    tolerance: FloatArray
    """By how much ``apart`` may be off, ``[row]``."""
    apart: FloatArray
    """``[row, guess, cell]``."""


def _least(gained: FloatArray) -> FloatArray:
    """Return of ``[row, horizon, guess, cell]`` the smallest change that all guesses agree on; 0 where they do not."""
    least: FloatArray = np.maximum(gained.min(axis=2), 0.0) + np.minimum(gained.max(axis=2), 0.0)
    return least


def _beyond(value: FloatArray, tolerance: FloatArray) -> FloatArray:
    """Return what is left of a value when what is uncertain is taken off."""
    left: FloatArray = np.sign(value) * np.maximum(np.abs(value) - tolerance, 0.0)
    return left


def _uncertain_V(look: Look, module: ModuleData) -> FloatArray:
    """Return what a cell's resting voltage may be off by that is no charge, ``[row]``."""
    measured = look.measured
    spread_K = measured.temperature_K.max(axis=1) - measured.temperature_K.min(axis=1)
    ohm = module.ohmic_ohm + module.fast_ohm + module.slow_ohm
    uncertain_V: FloatArray = UNCERTAIN_V + spread_K * (ENTROPIC_V_K + THERMAL_K * ohm * np.abs(measured.current_A))
    return uncertain_V


def _slope_V(ocv: OcvCurve, soc: FloatArray) -> FloatArray:
    segment = np.clip(np.searchsorted(ocv.soc_knots, soc) - 1, 0, len(ocv.soc_knots) - 2)
    slope_V: FloatArray = (np.diff(ocv.ocv_V) / np.diff(ocv.soc_knots))[segment]
    return slope_V


def _more(ocv: OcvCurve, soc: FloatArray, apart_V: FloatArray) -> FloatArray:
    """Return the charge that cells have more than ``soc[row]`` if their voltage is ``apart_V[row, cell]`` higher."""
    inner_V = np.interp(soc, ocv.soc_knots, ocv.ocv_V)[:, None]
    more: FloatArray = np.interp(inner_V + apart_V, ocv.ocv_V, ocv.soc_knots) - soc[:, None]
    return more


def _among(part: FloatArray, rows: IntArray, count: int) -> FloatArray:
    whole = np.full((count, part.shape[1]), np.nan)
    whole[rows] = part
    return whole


def astray(losses: Losses) -> FloatArray:
    """Return how much of what balancing should have drawn from each cell is not missing there, ``[row, cell]``."""
    return np.minimum(np.maximum(-losses.leak_A, 0.0), np.maximum(losses.drawn_A, 0.0))
