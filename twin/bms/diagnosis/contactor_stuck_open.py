"""A contactor that does not close."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.bms.codes import CONTACTOR_STUCK_OPEN, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.diagnosis.switched import at_rest
from twin.bms.limit_levels import Levels, Limits

NO_CURRENT_A = 0.5
"""A reading below is none: five steps of a common sensor's resolution."""


class ContactorStuckOpen(Memoryless):
    """The voltage across a contactor that should be closed."""

    code: ClassVar[FaultCode] = CONTACTOR_STUCK_OPEN

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of that voltage."""
        return limits.contactor_stuck_open_V

    def say(self, evidence: Evidence) -> Said:
        """Return the voltage across it where no current flows; nothing where it should not be closed."""
        look = evidence.look
        if look.scope == "pack":
            return evidence.nothing, evidence.whole
        _, closed = at_rest(look)
        across_V = np.abs(look.module_V - look.link_V) * (np.abs(look.measured.current_A) < NO_CURRENT_A)
        return np.where(closed, across_V, np.nan), evidence.whole
