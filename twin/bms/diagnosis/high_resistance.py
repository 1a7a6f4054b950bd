"""A joint or cell whose resistance stands out: its voltage moves more with the current than the others'."""

from __future__ import annotations

from typing import ClassVar

from twin.bms.codes import HIGH_RESISTANCE, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.diagnosis.readings import highest
from twin.bms.limit_levels import Levels, Limits


class HighResistance(Memoryless):
    """The resistance that a cell has more than the others."""

    code: ClassVar[FaultCode] = HIGH_RESISTANCE

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the extra resistance."""
        return limits.high_resistance_ohm

    def say(self, evidence: Evidence) -> Said:
        """Return the highest extra resistance and its cell."""
        if not evidence.compared.any():
            return evidence.nothing, evidence.whole
        return evidence.where_compared(highest(evidence.apart.extra_ohm))
