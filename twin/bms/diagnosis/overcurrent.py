"""Too much current, in either direction."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.bms.codes import OVERCURRENT, FaultCode
from twin.bms.diagnosis.diagnosis import Evidence, Memoryless, Said
from twin.bms.limit_levels import Levels, Limits


class Overcurrent(Memoryless):
    """The current of a module; whoever scans cells need not wait for them to see it."""

    code: ClassVar[FaultCode] = OVERCURRENT
    sees_stale: ClassVar[bool] = True

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the current."""
        return limits.overcurrent_A

    def say(self, evidence: Evidence) -> Said:
        """Return the current without its sign."""
        return np.abs(evidence.look.measured.current_A), evidence.whole
