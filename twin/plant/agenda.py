"""The order in which the actions of one tick take effect."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from twin.plant.action import Change


class Agenda:
    """The actions of one tick, by site and time."""

    def __init__(self, start_ns: int, end_ns: int, actions: Sequence[Change]) -> None:
        self.start_ns, self.end_ns, self.tick_ns = start_ns, end_ns, end_ns - start_ns
        self._waiting: dict[int, deque[Change]] = {}
        for action in sorted(actions, key=lambda action: action.time_ns):
            if not start_ns <= action.time_ns < end_ns:
                raise ValueError(f"{action} is outside of the tick from {start_ns} to {end_ns} ns")
            self._waiting.setdefault(action.site, deque()).append(action)

    def sites(self) -> list[int]:
        """Return the sites that have actions ahead."""
        return [site for site, waiting in self._waiting.items() if waiting]

    def due(self, sites: Iterable[int], times_ns: Iterable[int]) -> list[Change]:
        """Take out the actions of sites that are due, each site's at its own instant."""
        due: list[Change] = []
        for site, time_ns in zip(sites, times_ns, strict=False):
            waiting = self._waiting.get(site)
            while waiting and waiting[0].time_ns <= time_ns:
                due.append(waiting.popleft())
        return due

    def next_ns(self, sites: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the instant of each site's next action, or the end of the tick."""
        queues = (self._waiting.get(site) for site in sites.tolist())
        return np.array([queue[0].time_ns if queue else self.end_ns for queue in queues], dtype=np.int64)
