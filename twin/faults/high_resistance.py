"""A connection of a cell has more resistance: a loose screw, corrosion, a cracked weld."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.faults.fault import CellFault, Effect, Range, TimedFault
from twin.quantity import Ohms


class HighResistance(TimedFault, CellFault):
    """``contact_ohm`` comes in series with the cell, inside of its measured voltage, and heats it by I^2 R."""

    expected: ClassVar = ("high_resistance", "overtemperature")
    source: ClassVar = "listed by users and makers alike; foxBMS 2 v1.11 has no code for it"
    ranges: ClassVar = {"contact_ohm": Range(0.001, 0.01, log=True)}

    kind: Literal["high_resistance"] = "high_resistance"
    contact_ohm: Annotated[Ohms, Field(gt=0)] = 0.003
    """A good connection has 0.1 mohm or less; 3 mohm at 100 A drop 0.3 V and heat by 30 W."""

    def effects(self) -> tuple[Effect, ...]:
        """Return the resistance."""
        return self.held("contact_ohm", self.contact_ohm, slot=self.module, cell=self.cell)
