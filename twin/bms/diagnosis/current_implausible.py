"""A current reading that is not 0 at an open contactor, or not what others say."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.bms.codes import CURRENT_IMPLAUSIBLE, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.diagnosis.switched import at_rest, flows_on
from twin.bms.limit_levels import Levels, Limits


class CurrentImplausible(Memoryless):
    """What is wrong about the current."""

    code: ClassVar[FaultCode] = CURRENT_IMPLAUSIBLE

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of what is wrong."""
        return limits.current_implausible_A

    def say(self, evidence: Evidence) -> Said:
        """Return by how much the reading is off; nothing where there is nothing to compare it with."""
        look = evidence.look
        current_A = look.measured.current_A
        wrong_A = np.abs(current_A - look.expected_A)
        if look.scope == "module":
            open_, _ = at_rest(look)
            wrong_A = np.where(open_ & ~flows_on(look), np.abs(current_A), wrong_A)
        return wrong_A, evidence.whole
