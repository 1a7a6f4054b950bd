"""A cell is heated from outside, as by a failing neighbour or a loose terminal."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from twin.faults.fault import CellFault, Effect
from twin.plant.action import Action
from twin.quantity import Seconds, Watts


class OverTemperature(CellFault):
    """``heat_W`` flows into one cell from ``start_s`` for ``duration_s``."""

    kind: Literal["over_temperature"] = "over_temperature"
    start_s: Annotated[Seconds, Field(ge=0)]
    duration_s: Annotated[Seconds, Field(gt=0)] = 1800.0
    heat_W: Annotated[Watts, Field(gt=0)] = 120.0

    def effects(self) -> tuple[Effect, ...]:
        """Return the heat's begin and end."""
        return tuple(
            Action(round(time_s * 1e9), self.site, "extra_heat_W", heat_W, self.module, self.cell)
            for time_s, heat_W in ((self.start_s, self.heat_W), (self.start_s + self.duration_s, 0.0))
        )
