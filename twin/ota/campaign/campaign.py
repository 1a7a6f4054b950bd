"""A campaign as its server runs it: pure decisions from what sites have told to what is wanted of them.

The server is asked at decision instants; it then goes through what was told in the order in which it happened, at the
instants at which its policy evaluates. So what it decides, and when, does not hang on how often it is asked, as long as
sites tell things at once; what a site tells late counts as told after the last decision. Orders leave at decision
instants.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Protocol

import numpy as np

from twin.ota.campaign.commands import Command
from twin.ota.campaign.groups import Role, turns
from twin.ota.campaign.options import CampaignOptions
from twin.ota.campaign.outcomes import ERRORS, REFUSALS, IntArray, Ledger, Outcome
from twin.ota.campaign.windows import Windows
from twin.ota.causes import Cause
from twin.ota.gates.options import GatesOptions
from twin.ota.messages import Orders, Reports
from twin.ota.policies.policy import Halt, Seen, Verdict, Wanted
from twin.ota.states import UpdateState

NEVER_NS = 2**62
RELEASE = 1
"""Number of the release that is rolled out; 0 is what the fleet ran before."""
IN_PROGRESS = frozenset(range(UpdateState.DOWNLOADING, UpdateState.CHECKING + 1))


class Standing(Enum):
    """Of the campaign as a whole."""

    RUNNING = auto()
    PAUSED = auto()
    STOPPED = auto()


@dataclass(frozen=True)
class Told:
    """One row of a campaign's log; ``group`` is -1 where it is about all of them."""

    time_ns: int
    kind: str
    group: int
    text: str


@dataclass(frozen=True, eq=False)
class Decision:
    """What the server wants from a decision instant on: sites to begin, to cancel and to bring back, sorted."""

    start: IntArray
    cancel: IntArray
    roll_back: IntArray
    told: tuple[Told, ...]
    finished: bool

    def orders(self) -> Orders:
        """Return it as sites get to know it."""
        parts = ((self.start, RELEASE), (self.cancel, -1), (self.roll_back, 0))
        site = np.concatenate([sites for sites, _ in parts])
        release = np.concatenate([np.full(len(sites), release, np.int64) for sites, release in parts])
        order = np.argsort(site, kind="stable")
        return Orders(site[order], release[order], self.finished)


@dataclass(frozen=True, eq=False)
class GateRequest:
    """A group whose behaviour a gate is to judge, and the sites to compare it with; it began at ``since_ns``."""

    group: int
    canaries: IntArray
    baseline: IntArray
    since_ns: int
    gates: GatesOptions


class Look(Protocol):
    """What a gate has found; a verdict called PASS or STOP is final."""

    @property
    def verdict(self) -> Enum: ...  # noqa: D102

    @property
    def text(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class _Report:
    """A change of state that has been told, at the instant from which the server knows it."""

    time_ns: int
    site: int
    state: int
    cause: int
    release: int


class Campaign:
    """One rollout: ``group[site]`` (-1: not part of it), ``role[site]``, and the state of each site in a ``Ledger``."""

    def __init__(self, options: CampaignOptions, sites: int, seed: int, start: datetime) -> None:
        self.options = options
        self.policy = options.policy
        members = np.arange(sites) if options.sites is None else np.array(options.sites, np.int64)
        self.order = turns(options.order, members, seed)
        self.groups = self.policy.groups(len(members))
        self.edges = tuple(int(edge) for edge in np.cumsum([0, *(group.size for group in self.groups)]))
        self.group = np.full(sites, -1, np.int64)
        self.role = np.full(sites, Role.REST, np.int8)
        for number, group in enumerate(self.groups):
            self.group[self.members(number)] = number
            self.role[self.members(number)] = group.role
        self.windows = Windows(options.window, options.time_zones, sites, seed, start)
        self.begin_ns = options.begin_ns(start)
        self.ledger = Ledger(self.group, len(self.groups))
        self.standing = Standing.RUNNING
        self._open(sites)

    def _open(self, sites: int) -> None:
        """Set what changes as the campaign goes on to what it is at first."""
        self._state: Any = self.policy.initial()
        self._released = 0
        self._group_begun_ns: dict[int, int] = {}
        self._verdicts: dict[int, Verdict] = {}
        self._tries = np.zeros(sites, np.int64)
        self._begun_ns = np.full(sites, -1, np.int64)
        self._installed = np.zeros(sites, np.bool_)
        self._contact_ns = np.full(sites, -1, np.int64)
        self._waits: set[int] = set()
        """Sites that failed and are to be told again."""
        self._going_back: set[int] = set()
        self._brings_back = False
        self._much_offline = False
        self._rounds = 0
        self._reached_ns = -1
        self._wake_ns = self.begin_ns
        self._inbox: deque[_Report] = deque()
        self._commands = deque(self.options.commands)
        self._timers: list[tuple[int, int, int, bool]] = []
        """When, site, try, whether it is a retry (else a timeout)."""
        self._start: set[int] = set()
        self._cancel: set[int] = set()
        self._roll_back: set[int] = set()
        self._told: list[Told] = []

    def members(self, group: int) -> IntArray:
        """Return the sites of a group in the order of their turns."""
        return self.order[self.edges[group] : self.edges[group + 1]]

    @property
    def watched(self) -> IntArray:
        """The sites whose behaviour gates may ask for: sorted, the same all the time."""
        judged = [number for number in range(len(self.groups)) if self.policy.judged(number)]
        compared = (self.role == Role.BASELINE) & bool(judged)
        return np.flatnonzero(compared | np.isin(self.group, judged))

    @property
    def soaking(self) -> tuple[GateRequest, ...]:
        """The groups for which the policy waits for a gate."""
        group, gates = self.policy.awaited(self._state), self.policy.judges
        if group is None or gates is None or group not in self._group_begun_ns or self.standing is not Standing.RUNNING:
            return ()
        baseline = np.flatnonzero((self.role == Role.BASELINE) & (self.ledger.outcome == Outcome.HELD))
        members = self.members(group)
        canaries = np.sort(members[self.ledger.outcome[members] != Outcome.DELETED])
        return (GateRequest(group, canaries, baseline, self._group_begun_ns[group], gates),)

    def decide(self, time_ns: int, reports: Reports, looks: Mapping[int, Look] | None = None) -> Decision:
        """Return what is wanted from ``time_ns`` on; call with increasing times, and each report once."""
        self._take(reports)
        for group, look in (looks or {}).items():
            self._note_look(group, look, time_ns)
        while (instant_ns := self._next_ns()) <= time_ns:
            self._reach(instant_ns)
        self._watch_contacts(time_ns)
        self._reached_ns = time_ns
        return self._decision()

    def _take(self, reports: Reports) -> None:
        """Put what was told into the inbox, in the order in which the server learns it."""
        known_ns = np.maximum(reports.time_ns, self._reached_ns)
        columns = (known_ns, reports.site, reports.state, reports.cause, reports.release)
        for row in np.argsort(known_ns, kind="stable").tolist():
            self._inbox.append(_Report(*(int(column[row]) for column in columns)))
        self._contact_ns[reports.members] = reports.contact_ns

    def _next_ns(self) -> int:
        """Return the next instant at which there is something to look at."""
        times_ns = [self._wake_ns]
        if self._inbox:
            times_ns.append(self._inbox[0].time_ns)
        if self._commands:
            times_ns.append(self._commands[0].time_ns)
        if self._timers:
            times_ns.append(self._timers[0][0])
        return self._evaluation_ns(min(times_ns))

    def _evaluation_ns(self, time_ns: int) -> int:
        """Return the first instant from ``time_ns`` on at which the policy evaluates."""
        period_ns = self.policy.period_ns
        return self.begin_ns + -(-max(time_ns - self.begin_ns, 0) // period_ns) * period_ns

    def _reach(self, time_ns: int) -> None:
        """Take in what has happened by an evaluation of the policy, and let it decide."""
        while self._inbox and self._inbox[0].time_ns <= time_ns:
            self._hear(self._inbox.popleft())
        while self._timers and self._timers[0][0] <= time_ns:
            self._ring(time_ns, *heapq.heappop(self._timers)[1:])
        while self._commands and self._commands[0].time_ns <= time_ns:
            self._obey(self._commands.popleft(), time_ns)
        self._wake_ns = NEVER_NS
        if self.standing is Standing.RUNNING and not self._rounds:
            self._state, wanted = self.policy.step(self._state, self._seen(time_ns))
            self._want(wanted, time_ns)
        self._retry_round(time_ns)

    def _seen(self, time_ns: int) -> Seen:
        return Seen(time_ns - self.begin_ns, self.edges, self._released, self.ledger.tally, self._verdicts)

    def _want(self, wanted: Wanted, time_ns: int) -> None:
        """Do what the policy wants."""
        for said in wanted.said:
            self._tell(time_ns, said.kind, said.text, said.group)
        if wanted.released > self._released:
            self._release(wanted.released, time_ns)
        if wanted.wake_ns is not None:
            self._wake_ns = min(self._wake_ns, self.begin_ns + wanted.wake_ns)
        if wanted.halt is not None:
            self._halt(wanted.halt, time_ns)

    def _release(self, until: int, time_ns: int) -> None:
        """Let the sites have it whose turn comes before ``until``."""
        for group, group_edges in enumerate(zip(self.edges, self.edges[1:], strict=False)):
            first, last = group_edges
            if first < last and self._released <= first < until:
                self._group_begun_ns[group] = time_ns
                name, count = self.groups[group].name, last - first
                self._tell(time_ns, "group_begins", f"{name}: {count} site{'s' * (count != 1)}", group)
        for site in self.order[self._released : until].tolist():
            if self.ledger.outcome[site] == Outcome.HELD:
                self.ledger.put(site, Outcome.OPEN)
                self._start_site(site)
        self._released = until

    def _start_site(self, site: int) -> None:
        self._tries[site] += 1
        self._begun_ns[site] = -1
        self._waits.discard(site)
        self._start.add(site)
        self._cancel.discard(site)

    def _hear(self, report: _Report) -> None:
        """Note a change of state of one site."""
        site = report.site
        if self.group[site] < 0:
            return
        if report.release != RELEASE:
            self._hear_of_return(report)
        elif report.state in IN_PROGRESS:
            self._hear_of_progress(site, report.time_ns)
        elif report.state == UpdateState.SUCCESS:
            self._installed[site] = True
            if self.ledger.outcome[site] == Outcome.OPEN:
                self.ledger.put(site, Outcome.FINISHED)
            if self._brings_back:
                self._bring_back(site)
        elif report.state == UpdateState.FAILURE and self._is_at_it(site):
            refused = Cause(report.cause) in REFUSALS
            self._failed(site, Outcome.REJECTED if refused else Outcome.FAILED, report.time_ns)
        elif report.state == UpdateState.ABORTED and self._is_at_it(site):
            self.ledger.put(site, Outcome.CANCELLED)

    def _is_at_it(self, site: int) -> bool:
        """Return whether a try is under way; where it has timed out, what comes of it counts no more."""
        return self.ledger.outcome[site] == Outcome.OPEN and site not in self._waits

    def _hear_of_progress(self, site: int, time_ns: int) -> None:
        """Note that an update goes on, and give it its time where it has begun just now."""
        if self._begun_ns[site] < 0:
            self._begun_ns[site] = time_ns
            if self.policy.timeout_ns is not None:
                due_ns = time_ns + self.policy.timeout_ns
                heapq.heappush(self._timers, (due_ns, site, int(self._tries[site]), False))

    def _hear_of_return(self, report: _Report) -> None:
        """Note how a site that is to go back to what it ran before is getting on."""
        if report.state == UpdateState.SUCCESS:
            self._installed[report.site] = False
        if report.state in (UpdateState.SUCCESS, UpdateState.FAILURE, UpdateState.ABORTED):
            self._going_back.discard(report.site)
        if report.state == UpdateState.FAILURE:
            why = Cause(report.cause).sentence
            self._tell(report.time_ns, "roll_back_failed", f"site {report.site}: {why}", int(self.group[report.site]))

    def _failed(self, site: int, outcome: Outcome, time_ns: int) -> None:
        """Try a site again, or count it as failed."""
        retry = self.options.retry
        again = retry is not None and retry.when == "at_once" and self._tries[site] <= retry.count
        if again and retry is not None and self.standing is not Standing.STOPPED:
            self._retry(site, time_ns + retry.wait_ns(int(self._tries[site])))
        else:
            self.ledger.put(site, outcome)

    def _retry(self, site: int, due_ns: int) -> None:
        self._begun_ns[site] = -1
        self._waits.add(site)
        heapq.heappush(self._timers, (due_ns, site, int(self._tries[site]), True))

    def _ring(self, time_ns: int, site: int, tries: int, retry: bool) -> None:
        """Begin a retry, or end an update that has taken too long."""
        current = self.ledger.outcome[site] == Outcome.OPEN and self._tries[site] == tries
        if not current:
            return
        if retry:
            self._start_site(site)
        elif site not in self._waits:
            self._cancel.add(site)
            self._failed(site, Outcome.TIMED_OUT, time_ns)

    def _retry_round(self, time_ns: int) -> None:
        """Begin the next round with those that failed, once the rollout is through, where the options say so."""
        retry = self.options.retry
        if retry is None or retry.when != "after_rollout" or not self._through() or self._rounds >= retry.count:
            return
        failed = self.ledger.sites(*ERRORS)
        if not len(failed):
            return
        self._rounds += 1
        self._tell(time_ns, "retry", f"round {self._rounds} with the {len(failed)} sites that failed")
        for site in failed.tolist():
            self.ledger.put(site, Outcome.OPEN)
            self._retry(site, time_ns + retry.wait_ns(self._rounds))

    def _through(self) -> bool:
        """Return whether everybody has had a turn and come to an end."""
        everybody = self._released == self.edges[-1] and self.standing is Standing.RUNNING
        return everybody and self.ledger.tally.fleet(Outcome.OPEN) == 0

    def _obey(self, command: Command, time_ns: int) -> None:
        """Do what the operator says."""
        about = f" {len(command.sites)} sites" if command.sites else ""
        self._tell(time_ns, "operator", command.do.replace("_", " ") + about)
        if command.do == "pause" and self.standing is Standing.RUNNING:
            self.standing = Standing.PAUSED
        elif command.do == "resume" and self.standing is Standing.PAUSED:
            self.standing = Standing.RUNNING
        elif command.do == "next_group" and self.standing is Standing.RUNNING:
            self._state, wanted = self.policy.next_group(self._state, self._seen(time_ns))
            self._want(wanted, time_ns)
        elif command.do in ("stop_all", "roll_back"):
            self._stop(roll_back=command.do == "roll_back", queued_only=False)
        elif command.do in ("cancel", "delete"):
            self._take_out(command.sites or [], delete=command.do == "delete")

    def _halt(self, halt: Halt, time_ns: int) -> None:
        """Pause or stop because the policy, or a rule of the campaign, says so."""
        self._tell(time_ns, halt.kind, halt.text, halt.group)
        if halt.kind == "pause":
            self.standing = Standing.PAUSED
        else:
            self._stop(roll_back=halt.roll_back, queued_only=halt.queued_only)

    def _stop(self, *, roll_back: bool, queued_only: bool) -> None:
        """Begin nothing new, cancel what is under way, and bring back who has the release where that is wanted."""
        self.standing = Standing.STOPPED
        for site in self.ledger.sites(Outcome.OPEN).tolist():
            if not (queued_only and self._begun_ns[site] >= 0):
                self._cancel_site(site)
        if roll_back or self.options.roll_back_on_stop:
            self._brings_back = True
            for site in np.flatnonzero(self._installed).tolist():
                self._bring_back(site)

    def _cancel_site(self, site: int) -> None:
        """Cancel the update of one site; a site that never got its order has nothing to confirm."""
        if site in self._start or site in self._waits:
            self._start.discard(site)
            self._waits.discard(site)
            self.ledger.put(site, Outcome.CANCELLED)
        else:
            self._cancel.add(site)

    def _bring_back(self, site: int) -> None:
        if site not in self._going_back:
            self._going_back.add(site)
            self._roll_back.add(site)

    def _take_out(self, sites: list[int], *, delete: bool) -> None:
        """Cancel the updates of some sites, and let them count no more where they are deleted."""
        for site in sites:
            if self.ledger.is_one_of(site, (Outcome.OPEN,)):
                self._cancel_site(site)
            elif self.ledger.is_one_of(site, (Outcome.HELD,)):
                self.ledger.put(site, Outcome.CANCELLED)
            if delete and self.group[site] >= 0:
                self.ledger.put(site, Outcome.DELETED)

    def _note_look(self, group: int, look: Look, time_ns: int) -> None:
        """Note a final verdict of a gate, and look again."""
        name = look.verdict.name
        if name not in ("PASS", "STOP") or group in self._verdicts:
            return
        self._verdicts[group] = "PASS" if name == "PASS" else "STOP"
        self._tell(time_ns, "gate", f"{name.lower()}: {look.text}", group)
        self._wake_ns = min(self._wake_ns, time_ns)

    def _watch_contacts(self, time_ns: int) -> None:
        """Halt where too many sites have not spoken for too long; once, until there are fewer again."""
        rule = self.options.offline
        if rule is None or self.standing is not Standing.RUNNING or time_ns < self.begin_ns:
            return
        silent = time_ns - np.maximum(self._contact_ns, self.begin_ns) > round(rule.after_s * 1e9)
        part = (self.group >= 0) & (self.ledger.outcome != Outcome.DELETED)
        if rule.of == "group":
            part &= self.ledger.outcome != Outcome.HELD
        where = np.maximum(self.group, 0) if rule.of == "group" else np.zeros(len(self.group), np.int64)
        total = np.bincount(where[part], minlength=1)
        offline = np.bincount(where[part & silent], minlength=len(total))
        much = (total > 0) & (100 * offline >= rule.percent * total)
        if much.any() and not self._much_offline:
            worst = int(np.argmax(much))
            text = f"{offline[worst]} of {total[worst]} sites have not spoken for {rule.after_s:g} s"
            self._halt(Halt(rule.action, worst if rule.of == "group" else -1, text), time_ns)
        self._much_offline = bool(much.any())

    def _tell(self, time_ns: int, kind: str, text: str, group: int = -1) -> None:
        self._told.append(Told(time_ns, kind, group, text))

    def _finished(self) -> bool:
        """Return whether nothing can come any more that this campaign has an answer to."""
        if self._commands or self._going_back:
            return False
        if self.standing is Standing.STOPPED:
            return self.ledger.tally.fleet(Outcome.OPEN) == 0
        return self._through()

    def _decision(self) -> Decision:
        start, cancel, back = (
            np.array(sorted(sites), np.int64) for sites in (self._start, self._cancel, self._roll_back)
        )
        told = tuple(self._told)
        for found in (self._start, self._cancel, self._roll_back, self._told):
            found.clear()
        return Decision(start, cancel, back, told, self._finished())
