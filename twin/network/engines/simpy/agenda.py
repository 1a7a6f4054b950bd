"""The order of what happens at a site: a SimPy environment whose events are sorted by (instant, stage, index).

SimPy sorts what is due at one instant by priority and then by creation. Stage and index of a site's events are that
priority, so only what a stage leaves open (instructions as they were given, frames of one message) goes by creation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import simpy

STAGE = 1 << 32
"""More than any index within a stage."""
FRAME_ENDS, RECOVERIES, LINKS, REACHED, INSTRUCTIONS, TRANSFERS, RELEASES, ARBITRATION = (
    STAGE * stage for stage in range(8)
)
"""The stages of an instant, see ``twin.network.engines.engine``: what is due has the priority stage + index. A site
that has been advanced to an instant has gone through its stages before ``REACHED``."""


class Due(simpy.Event):
    """Something that happens at an instant; ``value`` is what it happens to."""

    def __init__(
        self,
        environment: simpy.Environment,
        delay_ns: int,
        priority: int,
        act: Callable[[Due], None],
        value: Any = None,
    ) -> None:
        self.env = environment
        self.callbacks = [act]
        self._ok = True
        self._value = value
        environment.schedule(self, priority, delay_ns)


class Agenda:
    """One site's clock, and what is due there."""

    def __init__(self) -> None:
        self._environment = simpy.Environment(initial_time=0)

    @property
    def now_ns(self) -> int:
        """The instant that is being gone through."""
        return self._environment._now

    def plan(self, time_ns: int, priority: int, act: Callable[[Due], None], value: Any = None) -> None:
        """Let something happen at an instant, now or later."""
        Due(self._environment, time_ns - self._environment._now, priority, act, value)

    def advance(self, until_ns: int) -> None:
        """Go through all stages before an instant, and through those of it that come before ``REACHED``."""
        environment = self._environment
        if until_ns < environment._now:
            return
        reached = Due(environment, until_ns - environment._now, REACHED, _nothing)
        while not reached.processed:
            environment.step()


def _nothing(_: Due) -> None:
    """Only mark how far the site has come."""
