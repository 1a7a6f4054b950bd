"""Insulation monitor: measures the resistance between a DC system and earth, again and again, each time for a while.

Rules:
- A measurement takes ``cycle_s``: pulses of both signs are sent against earth, and the mean of the leakage that they
  drive is the reading. An insulation that changes meanwhile is found in part.
- Balancing may disturb it: users report resistors and converters that look like leakage when they are switched (whether
  they do is the sensed value's business, ``twin.faults.insulation_monitor_disturbed``). A monitor that pauses balancing
  asks for it when a measurement is due, and begins when it sees that nothing is balanced any more. It waits no longer
  than one cycle: better a wrong reading than none.
- Limits are per volt of the system. A level clears when a reading is a quarter above its limit.

Sources: 100 Ohm/V is what DC circuits must have, 500 Ohm/V where they are joined with AC circuits, as through an
inverter without transformer (UNECE R100 rev. 3, 5.1.3; ISO 6469-3:2021, 6.3). Chargers of vehicles want 100 kOhm, the
former at 1000 V (IEC 61851-23, CC.5.1). A quarter: Bender ISOMETER iso685-D, manual D00177. A fault should be told
within 100 s in DC systems (IEC 61557-8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from twin.bms.codes import Level
from twin.options import Options
from twin.quantity import OhmsPerVolt, Seconds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

LOWEST_OHM = 1.0
HIGHEST_OHM = 10e6
"""Ends of the measuring range; the upper one is told before the first reading."""
CLEARS = 1.25
"""By how much a reading must be above a limit for its level to clear."""

_NEVER = -1


@dataclass(frozen=True)
class Insulation:
    """What monitors know and do, ``[row]`` each."""

    value_ohm: FloatArray
    """Last reading."""
    level: NDArray[np.int8]
    """``twin.bms.codes.Level`` of it."""
    pause: BoolArray
    """Whether balancing should stop until the reading is there."""
    due_ns: IntArray
    """When the next measurement is due; -1: at the first look."""
    started_ns: IntArray
    """When the present measurement began; -1: none is going on."""
    last_ns: IntArray
    leak_S: FloatArray
    """Mean conductance to earth since it began."""


class InsulationOptions(Options):
    """An insulation monitor in the controller of a pack."""

    cycle_s: Annotated[Seconds, Field(gt=0)] = 10.0
    """How long a measurement takes (usual at 1 uF to earth)."""
    interval_s: Annotated[Seconds, Field(gt=0)] = 90.0
    """From the begin of one to the begin of the next; plus a cycle, it is the longest time to find a fault."""
    pauses_balancing: bool = True
    """Whether cells are not balanced during a measurement."""
    warning_ohm_V: Annotated[OhmsPerVolt, Field(gt=0)] = 500.0
    fatal_ohm_V: Annotated[OhmsPerVolt, Field(gt=0)] = 100.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        problems = []
        if self.fatal_ohm_V >= self.warning_ohm_V:
            problems.append(f"found fatal_ohm_V {self.fatal_ohm_V:g}; expected less than {self.warning_ohm_V:g}")
        if self.interval_s < self.cycle_s:
            problems.append(f"found interval_s {self.interval_s:g}; expected at least cycle_s, {self.cycle_s:g}")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def initial(self, rows: int) -> Insulation:
        """Return monitors that have measured nothing."""
        never, no = np.full(rows, _NEVER, np.int64), np.zeros(rows)
        good = np.full(rows, HIGHEST_OHM)
        return Insulation(good, np.zeros(rows, np.int8), no > 0.0, never, never.copy(), never.copy(), no)

    def step(
        self,
        state: Insulation,
        insulation_ohm: FloatArray,
        balancing: BoolArray,
        system_V: FloatArray,
        time_ns: IntArray,
    ) -> Insulation:
        """Go on measuring; what is seen at ``time_ns[row]`` is taken to hold since the last look.

        ``insulation_ohm[row]`` is what its pulses feel, ``balancing[row]`` whether any cell is being balanced,
        ``system_V[row]`` the voltage that the limits belong to.
        """
        running = state.started_ns != _NEVER
        duration_ns = np.where(running, time_ns - state.started_ns, 0)
        share = (time_ns - state.last_ns) / np.maximum(duration_ns, 1)
        leak_S = 1.0 / np.maximum(insulation_ohm, LOWEST_OHM)
        mean_S = state.leak_S + np.where(duration_ns > 0, share * (leak_S - state.leak_S), 0.0)
        done = running & (duration_ns >= self.cycle_s * 1e9)
        value_ohm = np.where(done, 1.0 / np.maximum(mean_S, 1.0 / HIGHEST_OHM), state.value_ohm)
        level = np.where(done, self._level(value_ohm, state.level, system_V), state.level)
        measuring = running & ~done
        due_ns = np.where(state.due_ns == _NEVER, time_ns, state.due_ns)
        due = ~measuring & (time_ns >= due_ns)
        # A look that comes late has held up balancing for long: the next measurement comes that much later.
        held_up = np.where(done & (duration_ns >= 2e9 * self.cycle_s), duration_ns / (1e9 * self.cycle_s) - 1.0, 0.0)
        due_ns = due_ns + np.rint(held_up * (1e9 * self.interval_s)).astype(np.int64)
        due &= time_ns >= due_ns
        begins = due & ~(balancing & self._waits(time_ns - due_ns))
        return Insulation(
            value_ohm,
            level,
            (measuring | due) & self.pauses_balancing,
            np.where(begins, time_ns + round(self.interval_s * 1e9), due_ns),
            np.where(begins, time_ns, np.where(measuring, state.started_ns, _NEVER)),
            time_ns,
            np.where(measuring, mean_S, 0.0),
        )

    def _waits(self, late_ns: IntArray) -> BoolArray:
        """Return whether a measurement that is due may wait for the balancing to stop."""
        waits: BoolArray = (late_ns < self.cycle_s * 1e9) & self.pauses_balancing
        return waits

    def _level(self, value_ohm: FloatArray, before: NDArray[np.int8], system_V: FloatArray) -> NDArray[np.int8]:
        """Return the level of a reading after one of the level ``before``."""
        level = np.zeros(value_ohm.shape, np.int8)
        for severity, limit_ohm_V in ((Level.WARNING, self.warning_ohm_V), (Level.FATAL, self.fatal_ohm_V)):
            limit_ohm = limit_ohm_V * system_V * np.where(before >= severity, CLEARS, 1.0)
            level[value_ohm < limit_ohm] = severity
        return level
