"""Power that was asked of the battery and not had."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.ota.behaviour.behaviour import Addends, Behaviour
from twin.ota.behaviour.observation import Observation
from twin.ota.behaviour.self_tests import Outcomes


class UnservedPower(Behaviour):
    """By how much the battery gives or takes less than it is asked for, mean over time: unserved energy an hour."""

    title: ClassVar = "unserved power"
    unit: ClassVar = "W"
    floor: ClassVar = 50.0

    def see(self, seen: Observation, tests: Outcomes) -> Addends:
        """Return the energy in Wh, and the hours, but for self-tests."""
        missing_W = np.maximum(np.abs(seen.request_W) - np.abs(seen.power_W), 0.0)
        hours = seen.elapsed_h * tests.undisturbed
        return missing_W * hours, hours
