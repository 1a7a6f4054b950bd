"""How much a site tells of itself."""

from __future__ import annotations

from typing import ClassVar

from twin.ota.behaviour.behaviour import Counted
from twin.ota.behaviour.observation import FloatArray, Observation


class Telemetry(Counted):
    """Frames that the site's ECUs send: a task that runs late sends fewer, and so does a site with silent ECUs."""

    title: ClassVar = "telemetry"
    unit: ClassVar = "frames/s"
    worse: ClassVar = "lower"
    floor: ClassVar = 1.0
    """One of the seven cyclic frames a second of a single module."""

    def counter(self, seen: Observation) -> FloatArray:
        """Return the frames that were sent."""
        return seen.frames.astype(float)
