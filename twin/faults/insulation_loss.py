"""The insulation of the DC system to earth is damaged: moisture, a chafed cable, leaked electrolyte or coolant."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.faults.combined import HEALTHY_OHM
from twin.faults.fault import Effect, Range, TimedFault
from twin.quantity import Ohms


class InsulationLoss(TimedFault):
    """The site's insulation resistance falls to ``insulation_ohm``."""

    expected: ClassVar = ("insulation_low",)
    hazardous: ClassVar = True
    source: ClassVar = "foxBMS 2 v1.11 warns, DIAG_ID_LOW_INSULATION_RESISTANCE_ERROR; ISO 6469-3 asks for 100 ohm/V"
    ranges: ClassVar = {"insulation_ohm": Range(100.0, 4000.0, log=True)}

    kind: Literal["insulation_loss"] = "insulation_loss"
    insulation_ohm: Annotated[Ohms, Field(gt=0)] = 1000.0

    def effects(self) -> tuple[Effect, ...]:
        """Return the resistance."""
        return self.held("insulation_ohm", self.insulation_ohm, healthy=HEALTHY_OHM)
