"""Cell voltages that do not add up to the voltage of the module."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.bms.codes import VOLTAGE_IMPLAUSIBLE, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.diagnosis.evidence import MODULE
from twin.bms.limit_levels import Levels, Limits

EXPLAINS = 0.5
"""Share of the difference that a cell must be apart from the mean to be the one that is named."""


class VoltageImplausible(Memoryless):
    """The sum of the cells against the voltage sensor at the terminals."""

    code: ClassVar[FaultCode] = VOLTAGE_IMPLAUSIBLE

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the difference."""
        return limits.voltage_implausible_V

    def say(self, evidence: Evidence) -> Said:
        """Return the difference, and the cell that is off most where it is off by about as much."""
        off_V = evidence.sum_V - evidence.look.module_V
        above, below = evidence.read_highest, evidence.read_lowest
        guess = np.where(off_V > 0.0, above.cell, below.cell)
        apart_V = np.where(off_V > 0.0, above.value - evidence.mean_V, below.value - evidence.mean_V)
        explains = np.abs(apart_V) >= EXPLAINS * np.abs(off_V)
        return np.abs(off_V), np.where(explains, guess, MODULE)
