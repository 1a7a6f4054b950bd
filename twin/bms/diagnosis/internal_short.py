"""A cell that loses charge by itself."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.bms.codes import INTERNAL_SHORT, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.diagnosis.ledger import astray
from twin.bms.diagnosis.readings import highest
from twin.bms.limit_levels import Levels, Limits


class InternalShort(Memoryless):
    """What the leakiest cell loses, without what balancing draws from it for another."""

    code: ClassVar[FaultCode] = INTERNAL_SHORT

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the leakage current."""
        return limits.internal_short_A

    def say(self, evidence: Evidence) -> Said:
        """Return the highest leakage, and its cell."""
        if evidence.losses is None:
            return evidence.nothing, evidence.whole
        leak_A, cell = highest(np.nan_to_num(evidence.losses.leak_A, nan=-np.inf))
        missing_A = np.nansum(astray(evidence.losses), axis=1)
        return np.where(np.isfinite(leak_A), np.maximum(leak_A - missing_A, 0.0), np.nan), cell
