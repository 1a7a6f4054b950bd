"""How fast protection acts when it is tested."""

from __future__ import annotations

from typing import ClassVar

from twin.ota.behaviour.behaviour import Addends, Behaviour
from twin.ota.behaviour.observation import Observation
from twin.ota.behaviour.self_tests import Outcomes


class TimeToIsolate(Behaviour):
    """From the stimulus of a self-test to the open contactor, mean over the tests in which one opened."""

    title: ClassVar = "time to isolate in self-tests"
    unit: ClassVar = "s"
    floor: ClassVar = 0.3

    def see(self, seen: Observation, tests: Outcomes) -> Addends:  # noqa: ARG002 - the tool's record says it all
        """Return the seconds, and of how many tests."""
        return tests.isolating_s, tests.isolated
