"""Balancing that moves the readings of its neighbours: its current flows through the sense wires that they share."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import BALANCING_DISTURBS_MEASUREMENT, FaultCode
from twin.bms.diagnosis.comparison import STEP_A
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.limit_levels import Levels, Limits

SWITCHED: Final = 0.5
"""Duty that must have been switched on or off."""
LIKENESS: Final = 0.75
"""Share of the movement that the pattern must explain; what moves one cell alone explains two thirds."""


class BalancingDisturbsMeasurement(Memoryless):
    """What readings move by as bleed resistors are switched, in the pattern of a common wire.

    The current of a cell lowers its own reading at both wires, and raises each neighbour's at one.
    """

    code: ClassVar[FaultCode] = BALANCING_DISTURBS_MEASUREMENT

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the disturbance."""
        return limits.balancing_disturbs_measurement_V

    def say(self, evidence: Evidence) -> Said:
        """Return what a wire loses, and the cell that was switched; nothing where none was, or the current moved."""
        before, after = evidence.before, evidence.apart
        if not evidence.compared.any():
            return evidence.nothing, evidence.whole
        switched = after.duty - before.duty
        steady = np.abs(after.current_A - before.current_A) < STEP_A
        told = evidence.compared & (before.seen_ns >= 0) & steady & (np.abs(switched).sum(axis=1) >= SWITCHED)
        if not told.any():
            return evidence.nothing, evidence.whole
        pattern = _pattern(switched[told])
        moved_V = (after.voltage_V - before.voltage_V)[told]
        lost_V = (pattern * moved_V).sum(axis=1) / (pattern**2).sum(axis=1)
        explained = (lost_V[:, None] * pattern) ** 2
        alike = explained.sum(axis=1) >= LIKENESS * (moved_V**2).sum(axis=1)
        value = evidence.nothing.copy()
        value[told] = np.where(alike, np.maximum(lost_V, 0.0), 0.0)
        return value, np.abs(switched).argmax(axis=1)


def _pattern(switched: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how readings move for each volt that a wire loses."""
    pattern = -2.0 * switched
    pattern[:, 1:] += switched[:, :-1]
    pattern[:, :-1] += switched[:, 1:]
    return pattern
