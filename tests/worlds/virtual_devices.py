"""The other side of a campaign, without batteries: devices that poll, update, and succeed or fail as they are told."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np

from twin.ota.campaign.campaign import Campaign, Decision, Look
from twin.ota.campaign.options import CampaignOptions
from twin.ota.causes import Cause
from twin.ota.messages import Orders, Reports
from twin.ota.states import UpdateState

START = datetime(2026, 6, 22, 6, 0, tzinfo=timezone(timedelta(hours=8)))
"""A Monday."""
BEGINS = 100
Row = tuple[int, int, UpdateState, Cause, int]
"""Time in ns, site, state, cause, release."""


def ns(time_s: float) -> int:
    return round(time_s * 1e9)


def reports(rows: list[Row], members: int, contact_ns: Any) -> Reports:
    table = np.array([[*row] for row in rows], np.int64).reshape(-1, 5)
    return Reports(
        time_ns=table[:, 0],
        site=table[:, 1],
        state=table[:, 2].astype(np.int8),
        cause=table[:, 3].astype(np.int8),
        release=table[:, 4],
        attempt=np.ones(len(rows), np.int64),
        members=np.arange(members),
        contact_ns=np.broadcast_to(np.asarray(contact_ns, np.int64), members),
        watched=np.zeros(0, np.int64),
        sums=np.zeros((0, 0, 2)),
    )


def campaign(fleet: int, policy: Mapping[str, Any], **options: Any) -> Campaign:
    return Campaign(CampaignOptions.model_validate({"policy": policy, **options}), fleet, 1, START)


class Desk:
    """A campaign whose devices say what the test writes down."""

    def __init__(self, fleet: int, policy: Mapping[str, Any], **options: Any) -> None:
        self.campaign = campaign(fleet, policy, **options)
        self._fleet = fleet
        self.told: list[tuple[float, str, int]] = []
        self.started: dict[float, list[int]] = {}

    def at(
        self,
        time_s: float,
        states: Mapping[int, UpdateState] | None = None,
        *,
        cause: Cause = Cause.BOOT_FAILED,
        release: int = 1,
        contact_s: Any = None,
        looks: Mapping[int, Look] | None = None,
    ) -> Decision:
        """Decide at ``time_s``, when these sites have just come to these states."""
        why = {UpdateState.FAILURE: cause, UpdateState.ABORTED: Cause.CANCELLED}
        rows: list[Row] = [
            (ns(time_s), site, state, why.get(state, Cause.NONE), release) for site, state in (states or {}).items()
        ]
        contact_ns = ns(time_s) if contact_s is None else np.array([ns(one_s) for one_s in contact_s])
        decision = self.campaign.decide(ns(time_s), reports(rows, self._fleet, contact_ns), looks)
        self.told += [(told.time_ns / 1e9, told.kind, told.group) for told in decision.told]
        if len(decision.start):
            self.started[time_s] = decision.start.tolist()
        return decision

    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.told]


def all_of(sites: Any, state: UpdateState) -> dict[int, UpdateState]:
    return dict.fromkeys(sites, state)


class VirtualFleet:
    """Devices that ask every ``poll_s`` and take ``update_s`` for an update; ``fate(site)`` says how it ends."""

    def __init__(
        self,
        sites: int,
        poll_s: float,
        update_s: float,
        phase_s: Callable[[int], float] = lambda site: 0.0,
        fate: Callable[[int], Cause] = lambda site: Cause.NONE,
    ) -> None:
        self._sites, self._poll_ns, self._update_ns = sites, ns(poll_s), ns(update_s)
        self._phase_ns = [ns(phase_s(site)) for site in range(sites)]
        self._fate = fate
        self._due: list[tuple[int, int, int]] = []
        """When, site, and what happens: an update to a release ends, or begins (+ BEGINS), or is aborted (-1)."""
        self._current: dict[int, tuple[int, int]] = {}
        """What a site is at: the instant of its end and the release."""
        self.runs = np.zeros(sites, np.int64)

    def obey(self, orders: Orders, time_ns: int) -> None:
        for site, release in zip(orders.site.tolist(), orders.release.tolist(), strict=True):
            elapsed_ns = time_ns - self._phase_ns[site]
            asks_ns = self._phase_ns[site] + (elapsed_ns // self._poll_ns + 1) * self._poll_ns
            if release < 0:
                end_ns, _ = self._current.get(site, (0, 0))
                if end_ns > asks_ns:
                    del self._current[site]
                    heapq.heappush(self._due, (asks_ns, site, -1))
            else:
                begins_ns = self.begins_ns(site, asks_ns)
                end_ns = begins_ns + self._update_ns
                self._current[site] = (end_ns, release)
                heapq.heappush(self._due, (end_ns, site, release))
                heapq.heappush(self._due, (begins_ns, site, release + BEGINS))

    def begins_ns(self, site: int, asks_ns: int) -> int:
        """Return when a site that has asked begins to download: at once, where it has no window."""
        return asks_ns

    def reports(self, time_ns: int) -> Reports:
        rows: list[Row] = []
        while self._due and self._due[0][0] <= time_ns:
            due_ns, site, what = heapq.heappop(self._due)
            if what < 0:
                rows.append((due_ns, site, UpdateState.ABORTED, Cause.CANCELLED, 1))
            elif what >= BEGINS:
                if site in self._current:
                    rows.append((due_ns, site, UpdateState.DOWNLOADING, Cause.NONE, what - BEGINS))
            elif self._current.get(site) == (due_ns, what):
                del self._current[site]
                rows.append(self._ended(due_ns, site, what))
        return reports(rows, self._sites, time_ns)

    def _ended(self, time_ns: int, site: int, release: int) -> Row:
        cause = self._fate(site) if release else Cause.NONE
        if cause is Cause.NONE:
            self.runs[site] = release
        state = UpdateState.SUCCESS if cause is Cause.NONE else UpdateState.FAILURE
        return time_ns, site, state, cause, release
