"""The update server of a fleet: it hears what the sites report, lets the gates look and the campaign decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import Level
from twin.bms.events import Event
from twin.ota.campaign.campaign import Campaign, Decision
from twin.ota.gates.gate import Gate, GateLook
from twin.ota.gates.history import History
from twin.ota.images.release import Release
from twin.ota.messages import Orders, Reports
from twin.ota.options import Ota
from twin.ota.repository.version_reports import ReportDesk
from twin.ota.states import UpdateState

Columns = Mapping[str, Sequence[Any] | NDArray[Any]]
"""A table as plain columns; what they mean is stated where they are recorded (``twin.record.rollout``)."""
SEEN = ("behaviour", "canary", "baseline", "p_value", "alpha", "canaries", "baselines", "worse", "text")
FLEET = -1
"""The site of an event that is about the whole fleet."""


class UpdateServer(Protocol):
    """Whom the sites of a fleet ask, at the same instants all of them."""

    def decide(self, time_ns: int, reports: Reports) -> Orders:
        """Take what sites have told since the last time, and say what is wanted of them."""

    def take_events(self) -> list[Event]:
        """Return what has been decided since the last call, for the log."""

    def tables(self) -> Mapping[str, Columns]:
        """Return what there is to tell at the end, by name."""


class CampaignServer:
    """The server that a scenario states: one campaign over a fleet of ``sites``."""

    def __init__(
        self,
        ota: Ota,
        releases: Sequence[Release],
        reports: ReportDesk,
        *,
        sites: int,
        seed: int,
        start: datetime,
    ) -> None:
        self._campaign = Campaign(ota.campaign, sites, seed, start)
        self._releases = releases
        self._reports = reports
        self._history = History()
        self._gates: dict[int, Gate] = {}
        self._looks: list[tuple[int, GateLook]] = []
        self._decisions: list[tuple[int, Decision]] = []
        self._events: list[Event] = []

    def decide(self, time_ns: int, reports: Reports) -> Orders:
        """Let the gates look at groups that soak, and the campaign decide."""
        self._history.note(time_ns, reports)
        self._check(time_ns, reports)
        decision = self._campaign.decide(time_ns, reports, self._look(time_ns))
        if decision.told or len(decision.orders().site):
            self._decisions.append((time_ns, decision))
        for told in decision.told:
            text = f"the campaign: {told.text}"
            self._events.append(Event(told.time_ns, FLEET, -1, -1, _level(told.kind), told.kind, "ota", text))
        return decision.orders()

    def _check(self, time_ns: int, reports: Reports) -> None:
        """Compare what sites say that their ECUs run with what they were directed to."""
        done = {
            int(site): int(release)
            for site, state, release in zip(reports.site, reports.state, reports.release, strict=True)
            if state == UpdateState.SUCCESS
        }
        for manifest in reports.manifests:
            self._events += self._reports.receive(manifest, time_ns, done.get(manifest.site))

    def _look(self, time_ns: int) -> Mapping[int, GateLook]:
        looks: dict[int, GateLook] = {}
        for asked in self._campaign.soaking:
            if asked.group not in self._gates:
                self._gates[asked.group] = Gate(asked.gates, asked.canaries.tolist(), asked.baseline.tolist())
            look = self._gates[asked.group].look(self._history, time_ns)
            if look is not None:
                looks[asked.group] = look
                self._looks.append((asked.group, look))
        return looks

    def take_events(self) -> list[Event]:
        """Return what has been decided since the last call."""
        events, self._events = self._events, []
        return events

    def tables(self) -> Mapping[str, Columns]:
        """Return who was in which group, what was decided and ordered when, and what the gates saw."""
        group, role = self._campaign.group, self._campaign.role
        members = np.flatnonzero(group >= 0)
        told = [one for _, decision in self._decisions for one in decision.told]
        orders = [(time_ns, decision.orders()) for time_ns, decision in self._decisions]
        return {
            "ota_releases": _images(self._releases),
            "ota_plan": {"site_id": members, "group": group[members], "role": role[members]},
            "ota_decisions": {
                "time_s": [one.time_ns * 1e-9 for one in told],
                "kind": [one.kind for one in told],
                "group": [one.group for one in told],
                "text": [one.text for one in told],
            },
            "ota_orders": {
                "time_ns": [time_ns for time_ns, given in orders for _ in given.site],
                "site_id": [site for _, given in orders for site in given.site.tolist()],
                "release": [release for _, given in orders for release in given.release.tolist()],
            },
            "ota_gates": _seen(self._looks),
        }


class RecordedServer:
    """A server that says again what was said in a run before, so that a site can be run alone."""

    def __init__(self, time_ns: Sequence[int], site: Sequence[int], release: Sequence[int]) -> None:
        self._time_ns, self._site, self._release = (np.array(one, np.int64) for one in (time_ns, site, release))

    def decide(self, time_ns: int, reports: Reports) -> Orders:
        """Return the orders of this instant for the sites that ask."""
        now = (self._time_ns == time_ns) & np.isin(self._site, reports.members)
        return Orders(self._site[now], self._release[now])

    def take_events(self) -> list[Event]:
        """Return nothing: what was decided then is in that run's log."""
        return []

    def tables(self) -> Mapping[str, Columns]:
        """Return nothing, for the same reason."""
        return {}


def _images(releases: Sequence[Release]) -> Columns:
    """Return what is in each release."""
    images = [(number, role, image) for number, one in enumerate(releases) for role, image in one.images.items()]
    return {
        "release": [number for number, _, _ in images],
        "role": [role for _, role, _ in images],
        "version": [image.manifest.version for _, _, image in images],
        "size": [len(image.data) for _, _, image in images],
    }


def _seen(looks: Sequence[tuple[int, GateLook]]) -> Columns:
    """Return what gates saw, a row a behaviour and look."""
    rows = [(group, look, seen) for group, look in looks for seen in look.seen]
    return {
        "time_s": [look.time_ns * 1e-9 for _, look, _ in rows],
        "group": [group for group, _, _ in rows],
        "verdict": [int(look.verdict) for _, look, _ in rows],
        **{name: [getattr(seen, name) for _, _, seen in rows] for name in SEEN},
    }


def _level(kind: str) -> Level:
    return Level.WARNING if kind in ("stop", "pause", "abort", "roll_back") else Level.INFO
