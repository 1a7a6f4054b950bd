"""A cell that is too hot."""

from __future__ import annotations

from typing import ClassVar

from twin.bms.codes import OVERTEMPERATURE, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.limit_levels import Levels, Limits


class Overtemperature(Memoryless):
    """The highest temperature of a module."""

    code: ClassVar[FaultCode] = OVERTEMPERATURE

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the highest temperature."""
        return limits.overtemperature_K

    def say(self, evidence: Evidence) -> Said:
        """Return the highest temperature."""
        return evidence.hottest_K
