"""Balancing that draws charge from another cell than the one that it should."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.bms.codes import BALANCING_WRONG_CELL, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.diagnosis.ledger import astray
from twin.bms.diagnosis.readings import highest
from twin.bms.limit_levels import Levels, Limits


class BalancingWrongCell(Memoryless):
    """A loss of one cell where the current for another is missing."""

    code: ClassVar[FaultCode] = BALANCING_WRONG_CELL

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the misled current."""
        return limits.balancing_wrong_cell_A

    def say(self, evidence: Evidence) -> Said:
        """Return the current that reaches the wrong cell, and that cell."""
        if evidence.losses is None:
            return evidence.nothing, evidence.whole
        leak_A, cell = highest(np.nan_to_num(evidence.losses.leak_A, nan=-np.inf))
        missing_A = np.nansum(astray(evidence.losses), axis=1)
        return np.where(np.isfinite(leak_A), np.minimum(np.maximum(leak_A, 0.0), missing_A), np.nan), cell
