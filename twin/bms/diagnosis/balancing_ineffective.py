"""Balancing that does not draw charge from the cell that it should."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.bms.codes import BALANCING_INEFFECTIVE, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.diagnosis.ledger import astray
from twin.bms.diagnosis.readings import highest
from twin.bms.limit_levels import Levels, Limits


class BalancingIneffective(Memoryless):
    """The share of the balancing current that a cell does not feel."""

    code: ClassVar[FaultCode] = BALANCING_INEFFECTIVE

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the missing current."""
        return limits.balancing_ineffective_A

    def say(self, evidence: Evidence) -> Said:
        """Return the current that is missing most, and its cell."""
        if evidence.losses is None:
            return evidence.nothing, evidence.whole
        missing_A, cell = highest(np.nan_to_num(astray(evidence.losses), nan=-np.inf))
        return np.where(np.isfinite(missing_A), missing_A, np.nan), cell
