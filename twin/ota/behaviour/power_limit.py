"""Power that the battery does not offer."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.ota.behaviour.behaviour import Addends, Behaviour
from twin.ota.behaviour.observation import Observation
from twin.ota.behaviour.self_tests import Outcomes


class PowerLimit(Behaviour):
    """Share of the inverter's rating that the battery's limits forbid, mean over time and both directions."""

    title: ClassVar = "power limit lost"
    unit: ClassVar = "1"
    floor: ClassVar = 0.05

    def see(self, seen: Observation, tests: Outcomes) -> Addends:
        """Return the share for as long as the tick is, but for self-tests."""
        allowed = np.minimum(seen.charge_limit_W, seen.rated_W) + np.minimum(seen.discharge_limit_W, seen.rated_W)
        seconds = seen.elapsed_s * tests.undisturbed
        return (1.0 - allowed / (2.0 * seen.rated_W)) * seconds, seconds
