"""A cell has an internal short: a particle, a dendrite or a damaged separator joins its electrodes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.faults.fault import CellFault, Effect, Range, TimedFault
from twin.quantity import Ohms


class InternalShort(TimedFault, CellFault):
    """A resistance of ``short_ohm`` joins the cell's electrodes: it discharges the cell, and heats it by V^2/R."""

    expected: ClassVar = ("internal_short", "overtemperature", "cell_undervoltage")
    hazardous: ClassVar = True
    source: ClassVar = "Feng et al. 2018, doi:10.1016/j.ensm.2017.05.013"
    ranges: ClassVar = {"short_ohm": Range(0.02, 1.0, log=True)}

    kind: Literal["internal_short"] = "internal_short"
    short_ohm: Annotated[Ohms, Field(gt=0)] = 0.1
    """1 ohm takes 3.3 A, 1 % of 314 Ah an hour; 20 mohm take half the rated current."""

    def effects(self) -> tuple[Effect, ...]:
        """Return the conductance of the short."""
        return self.held("short_S", 1.0 / self.short_ohm, slot=self.module, cell=self.cell)
