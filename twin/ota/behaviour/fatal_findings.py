"""Fatal findings that come up."""

from __future__ import annotations

from typing import ClassVar

from twin.bms.codes import Level
from twin.ota.behaviour.behaviour import Addends, Behaviour
from twin.ota.behaviour.observation import Observation
from twin.ota.behaviour.self_tests import Outcomes


class FatalFindings(Behaviour):
    """Findings and messages of the level fatal, apart from what self-tests explain."""

    title: ClassVar = "fatal findings"
    unit: ClassVar = "1/h"
    floor: ClassVar = 0.02

    def see(self, seen: Observation, tests: Outcomes) -> Addends:
        """Return how many came up."""
        fatal = [event for event in tests.unexplained if event.level == Level.FATAL]
        return seen.count(fatal), seen.elapsed_h
