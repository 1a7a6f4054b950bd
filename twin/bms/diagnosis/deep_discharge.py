"""A cell that was discharged so deeply that it may be damaged."""

from __future__ import annotations

from typing import ClassVar

from twin.bms.codes import DEEP_DISCHARGE, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.limit_levels import Levels, Limits


class DeepDischarge(Memoryless):
    """The lowest voltage of a module, far below its limit."""

    code: ClassVar[FaultCode] = DEEP_DISCHARGE
    sign: ClassVar[float] = -1.0

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the lowest voltage."""
        return limits.deep_discharge_V

    def say(self, evidence: Evidence) -> Said:
        """Return the lowest voltage that a cell can have."""
        return evidence.lowest_V
