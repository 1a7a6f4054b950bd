"""A cell is heated from outside, as by a failing neighbour or a loose terminal."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.faults.fault import CellFault, Effect, Range, TimedFault
from twin.quantity import Seconds, Watts


class OverTemperature(TimedFault, CellFault):
    """``heat_W`` flows into one cell from ``start_s`` for ``duration_s``."""

    expected: ClassVar = ("overtemperature", "thermal_runaway")
    hazardous: ClassVar = True
    source: ClassVar = "foxBMS 2 v1.11, DIAG_ID_TEMP_OVERTEMPERATURE_CHARGE_MSL and its like: fatal after 6 s"
    ranges: ClassVar = {"heat_W": Range(100.0, 600.0, log=True)}

    kind: Literal["over_temperature"] = "over_temperature"
    duration_s: Annotated[Seconds, Field(gt=0)] | None = 1800.0
    heat_W: Annotated[Watts, Field(gt=0)] = 120.0

    def effects(self) -> tuple[Effect, ...]:
        """Return the heat."""
        return self.held("extra_heat_W", self.heat_W, slot=self.module, cell=self.cell)
