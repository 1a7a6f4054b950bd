"""How warm the battery is."""

from __future__ import annotations

from typing import ClassVar

from twin.ota.behaviour.behaviour import Addends, Behaviour
from twin.ota.behaviour.observation import Observation
from twin.ota.behaviour.self_tests import Outcomes


class Temperature(Behaviour):
    """Temperature of the hottest cell, mean over time."""

    title: ClassVar = "temperature of the hottest cell"
    unit: ClassVar = "K"
    floor: ClassVar = 3.0

    def see(self, seen: Observation, tests: Outcomes) -> Addends:  # noqa: ARG002 - a test warms nothing
        """Return it for as long as the tick is."""
        return seen.temperature_K.max(axis=(1, 2)) * seen.elapsed_s, seen.elapsed_s
