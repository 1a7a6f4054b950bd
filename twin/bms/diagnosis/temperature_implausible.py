"""A temperature sensor that jumps as no cell can."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.bms.codes import TEMPERATURE_IMPLAUSIBLE, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.diagnosis.readings import highest
from twin.bms.limit_levels import Levels, Limits


class TemperatureImplausible(Memoryless):
    """What a reading is off by jumps; one that was beyond what sensors can tell from the start has jumped there."""

    code: ClassVar[FaultCode] = TEMPERATURE_IMPLAUSIBLE

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of what a reading is off."""
        return limits.temperature_implausible_K

    def say(self, evidence: Evidence) -> Said:
        """Return what the worst sensor is off."""
        return highest(np.abs(evidence.jumped_K))
