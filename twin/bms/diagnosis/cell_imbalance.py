"""Cells of a module that have come apart, as far as voltage tells: hardly on the flat part of the LFP curve."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.bms.codes import CELL_IMBALANCE, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.limit_levels import Levels, Limits

RESTING_C = 0.05
"""Up to this share of the capacity in A, resistances and polarisation do not show."""


class CellImbalance(Memoryless):
    """The spread of the voltages at rest."""

    code: ClassVar[FaultCode] = CELL_IMBALANCE

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the spread."""
        return limits.cell_imbalance_V

    def say(self, evidence: Evidence) -> Said:
        """Return the spread, and the cell that is further from the mean; nothing under load."""
        high, low, mean_V = evidence.highest_V, evidence.lowest_V, evidence.mean_V
        resting = np.abs(evidence.look.measured.current_A) <= RESTING_C * evidence.module.capacity_Ah
        cell = np.where(high.value - mean_V > mean_V - low.value, high.cell, low.cell)
        return np.where(resting, high.value - low.value, np.nan), cell
