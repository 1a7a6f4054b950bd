"""A cell that is too cold."""

from __future__ import annotations

from typing import ClassVar

from twin.bms.codes import UNDERTEMPERATURE, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.limit_levels import Levels, Limits


class Undertemperature(Memoryless):
    """The lowest temperature of a module."""

    code: ClassVar[FaultCode] = UNDERTEMPERATURE
    sign: ClassVar[float] = -1.0

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the lowest temperature."""
        return limits.undertemperature_K

    def say(self, evidence: Evidence) -> Said:
        """Return the lowest temperature."""
        return evidence.coldest_K
