"""ECUs that do not run."""

from __future__ import annotations

from typing import ClassVar

from twin.ota.behaviour.behaviour import Addends, Behaviour
from twin.ota.behaviour.observation import Observation
from twin.ota.behaviour.self_tests import Outcomes


class Silence(Behaviour):
    """Share of the site's ECUs that are silent, mean over time."""

    title: ClassVar = "silent ECUs"
    unit: ClassVar = "1"
    floor: ClassVar = 0.001

    def see(self, seen: Observation, tests: Outcomes) -> Addends:  # noqa: ARG002 - no test silences an ECU
        """Return the share for as long as the tick is."""
        return seen.silent * seen.elapsed_s, seen.elapsed_s
