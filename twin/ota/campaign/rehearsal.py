"""A campaign gone through with a fleet in which everything works: what its preview and its checks are made of."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from twin.ota.campaign.campaign import Campaign, Decision, Told
from twin.ota.campaign.outcomes import Outcome
from twin.ota.messages import Reports
from twin.ota.states import UpdateState

HEARD = (UpdateState.DOWNLOADING, UpdateState.SUCCESS)


@dataclass(frozen=True)
class Assumptions:
    """What is taken to be the same at every site."""

    learns_s: float
    """From the decision to the site's asking: half the interval of its polls, in the mean."""
    update_s: float
    """From the beginning of its download to the report of success, once its window is open."""


AT_ONCE = Assumptions(0.0, 0.0)
"""Nothing real is faster."""


class _Verdict(Enum):
    PASS = 1


@dataclass(frozen=True)
class _Passed:
    """A gate that has nothing to object."""

    verdict: _Verdict = _Verdict.PASS
    text: str = "taken to pass after its soak"


@dataclass
class Course:
    """How a campaign goes: instants at which groups begin and have all ended, and what it tells."""

    begins_ns: dict[int, int] = field(default_factory=dict)
    ends_ns: dict[int, int] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    finished_ns: int | None = None


def rehearse(campaign: Campaign, fleet: Assumptions, until_ns: int) -> Course:
    """Run a campaign that has not begun to its end, or to ``until_ns``, with a fleet in which everything works."""
    course, fleet_runs = Course(), _IdealFleet(campaign, fleet)
    period_ns = round(campaign.options.decide_s * 1e9)
    time_ns = -(-campaign.begin_ns // period_ns) * period_ns
    passed: dict[int, int] = {}
    while time_ns <= until_ns:
        reports = fleet_runs.reports(time_ns)
        looks = {group: _Passed() for group in _soaked(campaign, passed, time_ns)}
        decision = campaign.decide(time_ns, reports, looks)
        course.told += decision.told
        _note_groups(campaign, course, decision, time_ns)
        fleet_runs.take(decision, time_ns)
        if decision.finished:
            course.finished_ns = time_ns
            return course
        time_ns += period_ns
    return course


def _note_groups(campaign: Campaign, course: Course, decision: Decision, time_ns: int) -> None:
    """Note which groups have begun or ended."""
    for told in decision.told:
        if told.kind == "group_begins":
            course.begins_ns[told.group] = told.time_ns
    for group in course.begins_ns.keys() - course.ends_ns.keys():
        if campaign.ledger.tally.complete(group):
            course.ends_ns[group] = time_ns


def _soaked(campaign: Campaign, installed_ns: dict[int, int], time_ns: int) -> list[int]:
    """Return the groups whose gates have been looking for the whole soak."""
    found = []
    for request in campaign.soaking:
        outcome = campaign.ledger.outcome[request.canaries]
        if not (outcome == Outcome.FINISHED).all():
            continue
        since_ns = installed_ns.setdefault(request.group, time_ns)
        if time_ns - since_ns >= round(request.gates.soak_s * 1e9):
            found.append(request.group)
    return found


class _IdealFleet:
    """Sites that ask, wait for their window, update, and report."""

    def __init__(self, campaign: Campaign, fleet: Assumptions) -> None:
        self._windows = campaign.windows
        self._members = np.sort(campaign.order)
        self._learns_ns, self._update_ns = round(fleet.learns_s * 1e9), round(fleet.update_s * 1e9)
        self._due: list[tuple[int, int, int, int]] = []
        """When, site, state, release: heap."""

    def take(self, decision: Decision, time_ns: int) -> None:
        """Give sites their orders."""
        gone = set(decision.cancel.tolist())
        if gone:
            self._due = [row for row in self._due if row[1] not in gone]
            heapq.heapify(self._due)
            for site in sorted(gone):
                heapq.heappush(self._due, (time_ns, site, UpdateState.ABORTED, 1))
        for sites, release in ((decision.start, 1), (decision.roll_back, 0)):
            begins_ns = self._windows.next_open_ns(sites, np.full(len(sites), time_ns + self._learns_ns))
            for site, begin_ns in zip(sites.tolist(), begins_ns.tolist(), strict=True):
                heapq.heappush(self._due, (begin_ns, site, UpdateState.DOWNLOADING, release))
                heapq.heappush(self._due, (begin_ns + self._update_ns, site, UpdateState.SUCCESS, release))

    def reports(self, time_ns: int) -> Reports:
        """Return what has happened by a decision instant."""
        rows = []
        while self._due and self._due[0][0] <= time_ns:
            rows.append(heapq.heappop(self._due))
        table = np.array(rows, np.int64).reshape(-1, 4)
        none = np.zeros(len(rows), np.int8)
        return Reports(
            time_ns=table[:, 0],
            site=table[:, 1],
            state=table[:, 2].astype(np.int8),
            cause=none,
            release=table[:, 3],
            attempt=np.ones(len(rows), np.int64),
            members=self._members,
            contact_ns=np.full(len(self._members), time_ns),
            watched=np.zeros(0, np.int64),
            sums=np.zeros((0, 0, 2)),
        )
