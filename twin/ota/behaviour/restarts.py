"""ECUs that restart by themselves."""

from __future__ import annotations

from typing import ClassVar

from twin.ota.behaviour.behaviour import Counted
from twin.ota.behaviour.observation import FloatArray, Observation


class Restarts(Counted):
    """Boots of a site's ECUs: a watchdog that bites, a program that fails, a supply that dips."""

    title: ClassVar = "restarts of ECUs"
    unit: ClassVar = "1/h"
    floor: ClassVar = 0.02
    per_s: ClassVar = 3600.0

    def counter(self, seen: Observation) -> FloatArray:
        """Return the bootloaders' counters."""
        return seen.restarts.astype(float)
