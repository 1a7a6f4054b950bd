"""Passive balancing by history: work out each cell's excess when voltage tells it, bleed it off at any time after.

Rules:
- A resting voltage tells charge only beyond the knees of the OCV curve; in between, an excess is remembered.
- A cell on the plateau counts as being at its edge, so that an excess is never taken for more than it is. One that is
  worked out exactly replaces what was remembered; one that may be larger replaces only what is smaller.
- What a resistor has bled, by the measured voltage, is taken off the account.
- The account outlives times at which balancing is not allowed.

Source: foxBMS 2 v1.6.0, ``src/app/application/bal/history/bal_strategy_history.c`` (Fraunhofer IISB), which works the
charges out at rest from the OCV curve. It trusts the curve everywhere, looks again only when all is bled, and forgets
the account when balancing is interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from twin.bms.balancing.strategy import BoolArray, ChargeStrategy, FloatArray, Seen, Wanted
from twin.bms.module_data import ModuleData
from twin.bms.ocv import OcvCurve
from twin.quantity import Seconds

KNEE_V = 2.0
"""Slope of the OCV curve, V per unit of SOC, beyond which 1 mV of error is at most 0.05 % of charge (chosen)."""
SMOOTH_S = 300.0
"""Time constant with which resting voltages are smoothed: the lowest of many noisy readings lies too low (chosen)."""

_NEVER = -1


@dataclass(frozen=True)
class Account:
    """What is remembered of each module, ``[row]`` or ``[row, cell]``."""

    due_Ah: FloatArray
    """Charge that is still to be bled."""
    bled: BoolArray
    """Which cells have been bled since the last look."""
    rest_V: FloatArray
    """Smoothed open-circuit voltages, and in the last column how far the lowest cell to come down to is below them."""
    quiet_ns: NDArray[np.int64]
    """For how long there has been little current."""
    last_ns: NDArray[np.int64]
    """Time of the last look, -1 before the first."""


class PassiveHistory(ChargeStrategy):
    """Bleeds what each cell held too much when that could last be told from its voltage."""

    kind: Literal["passive_history"] = "passive_history"
    bleeds: ClassVar[bool] = True
    told: Literal["full", "empty", "either"] = "full"
    """Beyond which knee voltages are trusted. Cells of unequal capacity are level at one end only."""
    quiet_s: Annotated[Seconds, Field(ge=0)] = 1800.0
    """Trust voltages after so long a time of little current (six time constants of the cells' slow overvoltage)."""
    quiet_C_rate: Annotated[float, Field(gt=0)] = 0.02
    """What counts as little: current over capacity, 1/h."""

    def initial(self, rows: int, cells: int) -> Account:
        """Return empty accounts."""
        shape = (rows, cells)
        since = np.zeros(rows, np.int64)
        return Account(np.zeros(shape), np.zeros(shape, np.bool_), np.zeros((rows, cells + 1)), since, since + _NEVER)

    def step(self, state: Account, seen: Seen) -> tuple[Account, Wanted]:
        """Take off what was bled, look again where voltages can be trusted, and bleed what is due."""
        elapsed_ns = np.where(state.last_ns == _NEVER, 0, seen.time_ns - state.last_ns)
        elapsed_s = (elapsed_ns * 1e-9)[:, None]
        bled_Ah = state.bled * seen.voltage_V / seen.bleed_ohm * elapsed_s / 3600.0
        due_Ah = np.maximum(state.due_Ah - bled_Ah, 0.0)
        quiet = np.abs(seen.current_A) < self.quiet_C_rate * seen.capacity_Ah
        quiet_ns = np.where(quiet, state.quiet_ns + elapsed_ns, 0)
        share = np.where((quiet_ns == 0)[:, None], 1.0, 1.0 - np.exp(-elapsed_s / SMOOTH_S))
        rest_V = state.rest_V + share * (_open_circuit_V(seen) - state.rest_V)
        trusted = np.flatnonzero(quiet & (quiet_ns >= self.quiet_s * 1e9))
        if len(trusted):
            excess, exact = self._excess(rest_V[trusted], seen.module.ocv)
            excess[excess <= self.margin(due_Ah[trusted] > 0.0)] = 0.0
            told_Ah = excess * seen.capacity_Ah[trusted, None]
            due_Ah[trusted] = np.where(exact, told_Ah, np.maximum(due_Ah[trusted], told_Ah))
        cells = (due_Ah > 0.0) & self.permitted(seen)[:, None]
        return Account(due_Ah, cells, rest_V, quiet_ns, seen.time_ns), Wanted.bleeding(cells)

    def _excess(self, rest_V: FloatArray, ocv: OcvCurve) -> tuple[FloatArray, BoolArray]:
        """Return each cell's SOC above the lowest, as far as voltages tell, and whether that is all of it."""
        open_V, below_V = rest_V[:, :-1], rest_V[:, -1:]
        soc, _ = ocv.soc(open_V)
        lowest, _ = ocv.soc(open_V.min(axis=1, keepdims=True) - below_V)
        empty, full = knees(ocv)
        excess, exact = np.zeros(soc.shape), np.zeros(soc.shape, np.bool_)
        if self.told != "empty":
            excess = np.maximum(soc, full) - np.maximum(lowest, full)
            exact |= lowest >= full
        if self.told != "full":
            excess = np.maximum(excess, np.minimum(soc, empty) - np.minimum(lowest, empty))
            exact |= soc <= empty
        return excess, exact


def knees(ocv: OcvCurve) -> tuple[float, float]:
    """Return the SOC at which the steep part near empty ends, and at which the one near full begins.

    A curve that is steep everywhere has both from end to end: 1 and 0.
    """
    flat = np.flatnonzero(np.diff(ocv.ocv_V) <= KNEE_V * np.diff(ocv.soc_knots))
    return (float(ocv.soc_knots[flat[0]]), float(ocv.soc_knots[flat[-1] + 1])) if len(flat) else (1.0, 0.0)


def _open_circuit_V(seen: Seen) -> FloatArray:
    """Return voltages without the drop of a small, steady current, and by how much the lowest to come down to is lower.

    Resistances are those of new cells at their reference temperature: current is small, and the drop nearly the same
    in all cells.
    """
    module: ModuleData = seen.module
    drop_V = seen.current_A * (module.ohmic_ohm + module.fast_ohm + module.slow_ohm)
    below_V = seen.voltage_V.min(axis=1) - seen.lowest_V
    return np.column_stack((seen.voltage_V + drop_V[:, None], below_V))
