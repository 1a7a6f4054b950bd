"""Who does not run within a tick, from when to when: the schedule learns it for the ticks that follow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.bms.schedule import Schedule

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

UNTIL_BOOTED: Final = 2**61
"""Later than any run; an ECU's phase on top of it is still a number."""
_NOT_NOW = 2**62


class Boot(NamedTuple):
    """A version that an ECU is to run from ``time_ns`` on."""

    time_ns: int
    site: int
    ecu: int
    version: int
    migrate: bool


class Stop(NamedTuple):
    """An ECU that runs no more from ``time_ns`` on; ``off``: it has no power either, and its drivers let go."""

    time_ns: int
    site: int
    ecu: int
    off: bool


class Silences:
    """The silences that begin in the tick that is under way, ``[site, ecu]``."""

    def __init__(self, sites: int, ecus: int) -> None:
        self._from_ns = np.full((sites, ecus), _NOT_NOW, np.int64)
        self._until_ns = np.zeros((sites, ecus), np.int64)
        self._begun: list[tuple[int, int]] = []

    def begin(self, site: int, ecu: int, from_ns: int, until_ns: int = UNTIL_BOOTED) -> None:
        """Run an ECU no more from an instant of this tick on."""
        self._from_ns[site, ecu] = min(self._from_ns[site, ecu], from_ns)
        self._until_ns[site, ecu] = max(self._until_ns[site, ecu], until_ns)
        self._begun.append((site, ecu))

    def awake(self, site: IntArray, ecu: IntArray, time_ns: IntArray) -> IntArray | None:
        """Return which of some activations take place; None: all."""
        if not self._begun:
            return None
        runs = (time_ns < self._from_ns[site, ecu]) | (time_ns >= self._until_ns[site, ecu])
        return None if runs.all() else np.flatnonzero(runs)

    def hand_over(self, schedule: Schedule) -> None:
        """Tell the schedule of what has begun; the tick is over."""
        for site, ecu in self._begun:
            if self._from_ns[site, ecu] < _NOT_NOW:
                schedule.pause(site, ecu, int(self._from_ns[site, ecu]), int(self._until_ns[site, ecu]))
                self._from_ns[site, ecu], self._until_ns[site, ecu] = _NOT_NOW, 0
        self._begun.clear()


class Agenda:
    """Boots and stops that are to come, by site and ECU."""

    def __init__(self) -> None:
        self._boots: dict[tuple[int, int], Boot] = {}
        self._stops: list[Stop] = []

    def boot(self, boot: Boot) -> None:
        """Plan a boot in the place of any other of this ECU."""
        self._boots[boot.site, boot.ecu] = boot

    def stop(self, stop: Stop) -> None:
        """Plan the end of what an ECU runs; without power it boots no more."""
        self._stops.append(stop)
        if stop.off:
            self._boots.pop((stop.site, stop.ecu), None)

    def boots(self, site: int, ecu: int) -> bool:
        """Return whether an ECU is to boot."""
        return (site, ecu) in self._boots

    def due_boots(self, end_ns: int, served: BoolArray | None, running: IntArray) -> Iterator[Boot]:
        """Yield the boots before ``end_ns`` of ECUs that are silent by now."""
        due = [
            key
            for key, one in self._boots.items()
            if one.time_ns < end_ns and _counts(one.site, served) and running[key] < 0
        ]
        yield from sorted(self._boots.pop(key) for key in due)

    def due_stops(self, end_ns: int, served: BoolArray | None) -> Sequence[Stop]:
        """Return the stops before ``end_ns``."""
        due = [one.time_ns < end_ns and _counts(one.site, served) for one in self._stops]
        stops = [one for one, now in zip(self._stops, due, strict=True) if now]
        if stops:
            self._stops = [one for one, now in zip(self._stops, due, strict=True) if not now]
        return sorted(stops)


def _counts(site: int, served: BoolArray | None) -> bool:
    return served is None or bool(served[site])
