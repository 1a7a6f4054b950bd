"""What a behaviour is: one file in this folder, found because it is there.

A behaviour sums up two numbers of each site, tick by tick, so that its value over any window is the ratio of their
differences. Gates compare such values; what is summed up must therefore be comparable between sites that run the new
release and sites that do not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np

from twin.ota.behaviour.observation import FloatArray, Observation, Size
from twin.ota.behaviour.self_tests import Outcomes

Addends = tuple[FloatArray | float, FloatArray | float]
"""What a tick adds to numerator and denominator, ``[n]`` or the same for all; NaN where it says nothing."""


class Behaviour(ABC):
    """One behaviour of all watched sites; what it must remember of them is in arrays ``[site, ...]``."""

    title: ClassVar[str]
    unit: ClassVar[str]
    worse: ClassVar[Literal["higher", "lower"]] = "higher"
    floor: ClassVar[float]
    """The smallest difference between two groups that matters, in the unit, unless a gate says otherwise."""
    begins: ClassVar[Literal["installing", "installed"]] = "installed"
    """From when on a site with the new release is looked at: most that an update itself does is no behaviour."""

    def __init__(self, size: Size) -> None:
        self.size = size

    @abstractmethod
    def see(self, seen: Observation, tests: Outcomes) -> Addends:
        """Return what a tick adds; ``seen.rows`` are places among the watched sites."""


class Counted(Behaviour):
    """Base of what is a counter over time."""

    per_s: ClassVar[float] = 1.0
    """Seconds of the unit's denominator: 3600 for a rate per hour."""

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        self._last = np.full(size.sites, np.nan)

    @abstractmethod
    def counter(self, seen: Observation) -> FloatArray:
        """Return the counter, ``[n]``."""

    def see(self, seen: Observation, tests: Outcomes) -> Addends:  # noqa: ARG002 - tests change no counter
        """Return by how much the counter has risen, and the time."""
        now = self.counter(seen)
        risen = now - self._last[seen.rows]
        self._last[seen.rows] = now
        return risen, seen.elapsed_s / self.per_s
