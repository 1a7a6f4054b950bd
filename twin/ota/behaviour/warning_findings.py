"""Warnings that come up."""

from __future__ import annotations

from typing import ClassVar

from twin.bms.codes import Level
from twin.ota.behaviour.behaviour import Addends, Behaviour
from twin.ota.behaviour.observation import Observation
from twin.ota.behaviour.self_tests import Outcomes


class WarningFindings(Behaviour):
    """Findings and messages of the level warning, apart from what self-tests explain."""

    title: ClassVar = "warnings"
    unit: ClassVar = "1/h"
    floor: ClassVar = 0.1

    def see(self, seen: Observation, tests: Outcomes) -> Addends:
        """Return how many came up."""
        warnings = [event for event in tests.unexplained if event.level == Level.WARNING]
        return seen.count(warnings), seen.elapsed_h
