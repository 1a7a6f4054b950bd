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
_PLANS = 3
"""Plans that are kept: sites of as many paces take turns."""


@dataclass(frozen=True, eq=False)
class Group:
    """ECUs of one role, at most one a site, that activate together: ``[n]`` each."""

    role: int
    site: IntArray
    ecu: IntArray
    turn: IntArray
    """The how-manieth activation of its site in the tick, from 0."""
    place: IntArray
    """The how-manieth of the sites that the tick serves each is."""


class Batch(NamedTuple):
    """Activations of a group, each at its own instant, ``time_ns[n]``; ticks with the same order share their groups."""

    group: Group
    time_ns: IntArray


class _Plan(NamedTuple):
    """The groups of a tick that serves ``rows`` (None: all), in which ``order[row, turn]`` is an ECU or nobody."""

    rows: IntArray | None
    order: IntArray
    groups: list[Group]

    def serves(self, rows: IntArray | None, order: IntArray) -> bool:
        """Return whether it is the plan of this tick too."""
        same = self.rows is rows or (self.rows is not None and rows is not None and np.array_equal(self.rows, rows))
        return same and np.array_equal(self.order, order)


class Schedule:
    """The next activation of every ECU, ``[site, ecu]``; ``drift_ppm`` is the standard deviation of their clocks."""

    def __init__(
        self, roles: Sequence[int], period_ns: int, seed: int, site_ids: IntArray, *, drift_ppm: float
    ) -> None:
        shape = (len(site_ids), len(roles))
        self._roles = np.array(roles, np.int64)
        self._work = np.ones(max(roles) + 1, np.int64)
        self._plans: list[_Plan] = []
        self._stopped = np.zeros(len(site_ids), np.bool_)
        self._next_ns = np.empty(shape, np.int64)
        self._period_ns = np.empty(shape, np.int64)
        self._passed_over = np.zeros(shape, np.int64)
        for row, site in enumerate(site_ids):
            draws = stream(seed, "site", int(site), "clocks")
            self._next_ns[row] = draws.integers(0, period_ns, len(roles))
            error_ppm = drift_ppm * draws.standard_normal(len(roles))
            self._period_ns[row] = np.round(period_ns * (1.0 + error_ppm * 1e-6))

    def weigh(self, work: Sequence[int]) -> None:
        """Say how much work an activation of each role is; it decides only what goes into one batch."""
        self._work = np.array(work, np.int64)

    def batches(self, end_ns: int, rows: IntArray | None = None, *, once: bool = False) -> Iterator[Batch]:
        """Yield every activation before ``end_ns`` of the sites ``rows`` (None: all), each site's in its own order.

        ``once``: of each ECU only the first; its period goes on as if it had been activated every time, and
        ``passed_over`` says how often it was not. Sites do not act on each other within a tick, so activations of one
        role at different sites share a batch; ``batch_order`` says which go first. ECUs of a site that activate at one
        instant go in their order.
        """
        ecu, time_ns = self._take_due(end_ns, slice(None) if rows is None else rows, once=once)
        order = np.where(time_ns < end_ns, ecu, _NOBODY)
        for group in self._planned(rows, order):
            yield Batch(group, time_ns[group.place, group.turn])

    def passed_over(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Return how many activations of each ECU the last tick of ``rows`` passed over, and its period."""
        return self._passed_over[rows], self._period_ns[rows]

    def _take_due(self, end_ns: int, rows: IntArray | slice, *, once: bool) -> tuple[IntArray, IntArray]:
        """Return ECU and instant of each site's activations in order, ``[row, turn]``, and of at least one not due."""
        next_ns, period_ns = self._next_ns[rows], self._period_ns[rows]
        if once:
            due = np.maximum((end_ns - next_ns + period_ns - 1) // period_ns, 0)
            all_ns = np.stack([next_ns, np.maximum(next_ns + due * period_ns, end_ns)], axis=-1)
            self._passed_over[rows] = np.maximum(due - 1, 0)
        else:
            most = max(0, int((end_ns - next_ns.min()) // period_ns.min()) + 1)
            all_ns = next_ns[..., None] + np.arange(most + 1) * period_ns[..., None]
            due = (all_ns < end_ns).sum(axis=2)
        self._next_ns[rows] += period_ns * due
        turns = all_ns.shape[2]
        all_ns = all_ns.reshape(len(all_ns), -1)
        chronological = all_ns.argsort(axis=1, kind="stable")
        return chronological // turns, np.take_along_axis(all_ns, chronological, axis=1)

    def _planned(self, rows: IntArray | None, order: IntArray) -> list[Group]:
        """Return the groups of a tick; it is often planned like one of the last."""
        plan = next((plan for plan in self._plans if plan.serves(rows, order)), None)
        if plan is None:
            plan = _Plan(rows, order, list(self._grouped(rows, order)))
            self._plans = [plan, *self._plans[: _PLANS - 1]]
        return plan.groups

    def _grouped(self, rows: IntArray | None, order: IntArray) -> Iterator[Group]:
        """Yield groups that take all turns of ``order[row, turn]``, an ECU or nobody."""
        role = np.where(order == _NOBODY, _NOBODY, self._roles[order])
        every, turn = np.arange(len(order)), np.zeros(len(order), np.int64)
        for chosen in batch_order(role, self._work):
            place = np.flatnonzero(role[every, turn] == chosen)
            site = place if rows is None else rows[place]
            yield Group(chosen, site, order[place, turn[place]], turn[place], place)
            turn[place] += 1

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
