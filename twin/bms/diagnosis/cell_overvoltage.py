"""A cell above its highest voltage."""

from __future__ import annotations

from typing import ClassVar

from twin.bms.codes import CELL_OVERVOLTAGE, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.limit_levels import Levels, Limits


class CellOvervoltage(Memoryless):
    """The highest voltage of a module."""

    code: ClassVar[FaultCode] = CELL_OVERVOLTAGE

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the highest voltage."""
        return limits.cell_overvoltage_V

    def say(self, evidence: Evidence) -> Said:
        """Return the highest voltage that a cell can have."""
        return evidence.highest_V
