"""Self-tests in which protection does not act."""

from __future__ import annotations

from typing import ClassVar

from twin.ota.behaviour.behaviour import Addends, Behaviour
from twin.ota.behaviour.observation import Observation
from twin.ota.behaviour.self_tests import Outcomes


class MissedSelfTests(Behaviour):
    """Share of the self-tests in which no contactor opened before the stimulus was over and the tool cleared."""

    title: ClassVar = "self-tests missed"
    unit: ClassVar = "1"
    floor: ClassVar = 0.2

    def see(self, seen: Observation, tests: Outcomes) -> Addends:  # noqa: ARG002 - the tool's record says it all
        """Return the missed ones, and all that have ended."""
        return tests.missed, tests.ended
