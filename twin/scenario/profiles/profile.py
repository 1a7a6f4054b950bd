"""What a profile is: a quantity of every site over the run, from a model or from data."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from twin.errors import Problem
from twin.options import Options
from twin.scenario.series import Series
from twin.scenario.spread import Draws


@dataclass(frozen=True)
class Window:
    """The time that a run covers; ``start`` has a time zone, which is the homes' own."""

    start: datetime
    duration_ns: int

    @property
    def since_midnight_ns(self) -> int:
        """How far the local day was when the run began."""
        start = self.start
        seconds = (start.hour * 60 + start.minute) * 60 + start.second
        return seconds * 10**9 + start.microsecond * 1000


class Profile(Options):
    """Base of the profiles of all quantities; a profile is one file in the folder of its quantity."""

    kind: str
    """Name of the profile; each class states its own."""

    def problems(self, window: Window) -> Iterable[Problem]:  # noqa: ARG002
        """Return what is wrong with the content of the files that the profile reads."""
        return ()

    @abstractmethod
    def series(self, window: Window, draws: Draws) -> Series:
        """Return the quantity of the sites of ``draws`` over ``window``; it may draw each site's own size."""
