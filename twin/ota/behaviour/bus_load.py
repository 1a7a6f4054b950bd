"""How busy the site's buses are."""

from __future__ import annotations

from typing import ClassVar

from twin.ota.behaviour.behaviour import Counted
from twin.ota.behaviour.observation import FloatArray, Observation


class BusLoad(Counted):
    """Share of the time for which a bus carries something, the mean of the site's segments."""

    title: ClassVar = "bus load"
    unit: ClassVar = "1"
    floor: ClassVar = 0.01

    def counter(self, seen: Observation) -> FloatArray:
        """Return for how long the buses were busy."""
        busy_s: FloatArray = seen.busy_ns.mean(axis=1) * 1e-9
        return busy_s
