"""A sense wire that floats: the cells on both sides of it read off by the same, in opposite directions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.bms.codes import OPEN_SENSE_WIRE, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.diagnosis.readings import open_joint
from twin.bms.limit_levels import Levels, Limits


class OpenSenseWire(Memoryless):
    """The common wire of two cells."""

    code: ClassVar[FaultCode] = OPEN_SENSE_WIRE

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of how far both are off."""
        return limits.open_sense_wire_V

    def say(self, evidence: Evidence) -> Said:
        """Return how far the worst two neighbours are off, and the first of them; 0 where all are close to the mean."""
        off_V, cell = np.zeros(len(evidence.odd)), evidence.whole
        if evidence.odd.any():
            cell = cell.copy()
            off_V[evidence.odd], cell[evidence.odd] = open_joint(evidence.look.measured.voltage_V[evidence.odd])
        return off_V, cell
