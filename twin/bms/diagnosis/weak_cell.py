"""A cell that holds less than its neighbours, which shows as the module is cycled."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.bms.codes import WEAK_CELL, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.diagnosis.readings import highest
from twin.bms.limit_levels import Levels, Limits


class WeakCell(Memoryless):
    """The capacity that a cell has less than the others."""

    code: ClassVar[FaultCode] = WEAK_CELL

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the missing share."""
        return limits.weak_cell

    def say(self, evidence: Evidence) -> Said:
        """Return the largest share that is missing, and its cell."""
        if evidence.losses is None:
            return evidence.nothing, evidence.whole
        missing, cell = highest(np.nan_to_num(evidence.losses.missing, nan=-np.inf))
        return np.where(np.isfinite(missing), missing, np.nan), cell
