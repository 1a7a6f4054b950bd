"""Contactors that open although nobody tests them."""

from __future__ import annotations

from typing import ClassVar

from twin.ota.behaviour.behaviour import Addends, Behaviour
from twin.ota.behaviour.observation import Observation
from twin.ota.behaviour.self_tests import Outcomes, opens


class Isolations(Behaviour):
    """Openings of contactors, of modules and packs, that no self-test explains."""

    title: ClassVar = "isolations that no self-test explains"
    unit: ClassVar = "1/h"
    floor: ClassVar = 0.02

    def see(self, seen: Observation, tests: Outcomes) -> Addends:
        """Return how many opened."""
        return seen.count([event for event in tests.unexplained if opens(event)]), seen.elapsed_h
