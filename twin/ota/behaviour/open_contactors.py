"""Modules that are out of service."""

from __future__ import annotations

from typing import ClassVar

from twin.ota.behaviour.behaviour import Addends, Behaviour
from twin.ota.behaviour.observation import Observation
from twin.ota.behaviour.self_tests import Outcomes
from twin.plant.dc_bus import CLOSED


class OpenContactors(Behaviour):
    """Share of the modules whose own or whose pack's contactor is not closed, mean over time."""

    title: ClassVar = "modules out of service"
    unit: ClassVar = "1"
    floor: ClassVar = 0.01

    def see(self, seen: Observation, tests: Outcomes) -> Addends:
        """Return the share for as long as the tick is, but for self-tests."""
        of_pack = (seen.pack_state == CLOSED).repeat(self.size.modules, axis=1)
        out = 1.0 - ((seen.module_state == CLOSED) & of_pack).mean(axis=1)
        seconds = seen.elapsed_s * tests.undisturbed
        return out * seconds, seconds
