"""A fault that acts on an input which an FMU may lack."""

from __future__ import annotations

from typing import Literal

from twin.faults.fault import CellFault, Effect
from twin.plant.action import Action


class InternalShort(CellFault):
    """A cell has an internal short of 50 ohm from the start."""

    kind: Literal["internal_short"] = "internal_short"

    def effects(self) -> tuple[Effect, ...]:
        return (Action(0, self.site, "short_S", 0.02, self.module, self.cell),)
