"""A contactor that does not open."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.bms.codes import CONTACTOR_WELDED, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.diagnosis.switched import at_rest, flows_on
from twin.bms.limit_levels import Levels, Limits


class ContactorWelded(Memoryless):
    """The current that goes on after the command to open."""

    code: ClassVar[FaultCode] = CONTACTOR_WELDED

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of that current."""
        return limits.contactor_welded_A

    def say(self, evidence: Evidence) -> Said:
        """Return the current through a contactor that should be open; nothing where it should not be."""
        look = evidence.look
        if look.scope == "pack":
            return evidence.nothing, evidence.whole
        open_, _ = at_rest(look)
        current_A = np.abs(look.measured.current_A) * flows_on(look)
        return np.where(open_, current_A, np.nan), evidence.whole
