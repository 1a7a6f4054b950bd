"""When each ECU's control task runs: a phase and a clock drift of its own, in integer nanoseconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.bms.batch_order import batch_order
from twin.streams import stream

IntArray = NDArray[np.int64]

_NEVER = np.iinfo(np.int64).max // 2
"""Later than any run, and some periods later still is a number."""
_NOBODY = -1


@dataclass(frozen=True, eq=False)
class Group:
    """ECUs of one role, at most one a site, that activate together: ``[n]`` each."""

    role: int
    site: IntArray
    ecu: IntArray
    turn: IntArray
    """The how-manieth activation of its site in the tick, from 0."""


class Batch(NamedTuple):
    """Activations of a group, each at its own instant, ``time_ns[n]``; ticks with the same order share their groups."""

    group: Group
    time_ns: IntArray


class Schedule:
    """The next activation of every ECU, ``[site, ecu]``; ``drift_ppm`` is the standard deviation of their clocks."""

    def __init__(
        self, roles: Sequence[int], period_ns: int, seed: int, site_ids: IntArray, *, drift_ppm: float
    ) -> None:
        shape = (len(site_ids), len(roles))
        self._roles = np.array(roles, np.int64)
        self._work = np.ones(max(roles) + 1, np.int64)
        self._order, self._groups = np.empty((0, 0), np.int64), list[Group]()
        self._stopped = np.zeros(len(site_ids), np.bool_)
        self._next_ns = np.empty(shape, np.int64)
        self._period_ns = np.empty(shape, np.int64)
        for row, site in enumerate(site_ids):
            draws = stream(seed, "site", int(site), "clocks")
            self._next_ns[row] = draws.integers(0, period_ns, len(roles))
            error_ppm = drift_ppm * draws.standard_normal(len(roles))
            self._period_ns[row] = np.round(period_ns * (1.0 + error_ppm * 1e-6))

    def weigh(self, work: Sequence[int]) -> None:
        """Say how much work an activation of each role is; it decides only what goes into one batch."""
        self._work = np.array(work, np.int64)

    def batches(self, end_ns: int) -> Iterator[Batch]:
        """Yield every activation before ``end_ns``: each site's in its own chronological order.

        Sites do not act on each other within a tick, so activations of one role at different sites share a batch;
        ``batch_order`` says which go first. ECUs of a site that activate at one instant go in their order.
        """
        ecu, time_ns = self._take_due(end_ns)
        order = np.where(time_ns < end_ns, ecu, _NOBODY)
        if not np.array_equal(order, self._order):
            self._order, self._groups = order, list(self._grouped(order))
        for group in self._groups:
            yield Batch(group, time_ns[group.site, group.turn])

    def _take_due(self, end_ns: int) -> tuple[IntArray, IntArray]:
        """Return ECU and instant of each site's activations in order, ``[site, turn]``, and of at least one not due."""
        most = max(0, int((end_ns - self._next_ns.min()) // self._period_ns.min()) + 1)
        all_ns = self._next_ns[..., None] + np.arange(most + 1) * self._period_ns[..., None]
        self._next_ns += self._period_ns * (all_ns < end_ns).sum(axis=2)
        all_ns = all_ns.reshape(len(all_ns), -1)
        chronological = all_ns.argsort(axis=1, kind="stable")
        return chronological // (most + 1), np.take_along_axis(all_ns, chronological, axis=1)

    def _grouped(self, order: IntArray) -> Iterator[Group]:
        """Yield groups that take all turns of ``order[site, turn]``, an ECU or nobody."""
        role = np.where(order == _NOBODY, _NOBODY, self._roles[order])
        every, turn = np.arange(len(order)), np.zeros(len(order), np.int64)
        for chosen in batch_order(role, self._work):
            site = np.flatnonzero(role[every, turn] == chosen)
            yield Group(chosen, site, order[site, turn[site]], turn[site])
            turn[site] += 1

    def role(self, ecu: int) -> int:
        """Return the number of an ECU's role."""
        return int(self._roles[ecu])

    def pause(self, site: int, ecu: int, from_ns: int, until_ns: int) -> None:
        """Activate an ECU no more before ``until_ns``, or the end of a longer pause; its period begins anew there."""
        next_ns = int(self._next_ns[site, ecu])
        phase_ns = (next_ns - from_ns) % int(self._period_ns[site, ecu])
        self._next_ns[site, ecu] = min(max(next_ns, until_ns + phase_ns), _NEVER)

    def resume(self, site: int, ecu: int, from_ns: int) -> None:
        """Activate an ECU again within a period of ``from_ns``, but none of a site that is stopped."""
        if self._stopped[site]:
            return
        self._next_ns[site, ecu] = from_ns + int(self._next_ns[site, ecu]) % int(self._period_ns[site, ecu])

    def stretch(self, site: int, ecu: int, factor: float) -> None:
        """Make an ECU's period ``factor`` times as long."""
        self._period_ns[site, ecu] = max(1, round(int(self._period_ns[site, ecu]) * factor))

    def stop(self, site: int) -> None:
        """Activate no ECU of this site any more."""
        self._stopped[site] = True
        self._next_ns[site] = _NEVER
