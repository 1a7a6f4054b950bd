"""A voltage reading that jitters."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.bms.codes import VOLTAGE_NOISY, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.diagnosis.readings import Extreme, highest
from twin.bms.limit_levels import Levels, Limits


class VoltageNoisy(Memoryless):
    """The noise of each reading against its neighbours."""

    code: ClassVar[FaultCode] = VOLTAGE_NOISY

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the noise."""
        return limits.voltage_noisy_V

    def say(self, evidence: Evidence) -> Said:
        """Return the noisiest reading, as a standard deviation, and its cell."""
        if not evidence.compared.any():
            return evidence.nothing, evidence.whole
        noise_V2, cell = highest(evidence.apart.noise_V2)
        return evidence.where_compared(Extreme(np.sqrt(noise_V2), cell))
