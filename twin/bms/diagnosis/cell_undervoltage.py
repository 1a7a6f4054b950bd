"""A cell below its lowest voltage."""

from __future__ import annotations

from typing import ClassVar

from twin.bms.codes import CELL_UNDERVOLTAGE, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.limit_levels import Levels, Limits


class CellUndervoltage(Memoryless):
    """The lowest voltage of a module."""

    code: ClassVar[FaultCode] = CELL_UNDERVOLTAGE
    sign: ClassVar[float] = -1.0

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the lowest voltage."""
        return limits.cell_undervoltage_V

    def say(self, evidence: Evidence) -> Said:
        """Return the lowest voltage that a cell can have."""
        return evidence.lowest_V
