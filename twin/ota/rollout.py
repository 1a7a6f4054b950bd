"""What updates do at the sites of a shard: the fourth stage of a tick, and the questions to the update server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import Level
from twin.bms.events import Event
from twin.ota.attacks.log import AttackLog
from twin.ota.behaviour.watch import Watch
from twin.ota.causes import Cause
from twin.ota.client.client import Clients
from twin.ota.client.conditions import SiteView
from twin.ota.client.journal import Boot, Transfer, Transition
from twin.ota.client.wan import Lines
from twin.ota.messages import Reports
from twin.ota.repository.version_reports import SiteReports
from twin.ota.server import Columns, UpdateServer
from twin.ota.states import FINAL, UpdateState

IntArray = NDArray[np.int64]
WAN, BUS = 0, 1


class Member(NamedTuple):
    """An ECU of every site: its node, its role, and the version texts of the role's images."""

    node: str
    role: str
    versions: Sequence[str]

    def version(self, number: int) -> str:
        """Return a version's text."""
        return self.versions[number] if number < len(self.versions) else "unknown"


class Rollout:
    """The updates of a shard's sites; ``site_ids[row]`` are their numbers in the fleet.

    Sites and server meet every ``decide_ns``.
    """

    def __init__(
        self,
        site_ids: IntArray,
        clients: Clients,
        watch: Watch,
        ecus: Sequence[Member],
        signed: SiteReports,
        lines: Lines,
        *,
        decide_ns: int,
        boot_ns: int,
        attacks: AttackLog | None = None,
    ) -> None:
        self.clients, self.watch = clients, watch
        self._site_ids, self._ecus, self._signed = site_ids, ecus, signed
        self._decide_ns, self._boot_ns, self._attacks = decide_ns, boot_ns, attacks
        self._lines, self._reached_ns = lines, 0
        self._transitions: list[Transition] = []
        self._transfers: list[Transfer] = []
        self._boots: list[Boot] = []

    def ask(self, time_ns: int, server: UpdateServer) -> list[Event]:
        """Report to the update server and take its orders, where it is time for that; return what it decided."""
        if time_ns % self._decide_ns:
            return []
        self.clients.order(server.decide(time_ns, self._reports(time_ns)), time_ns)
        return server.take_events()

    def wants_short(self, end_ns: int) -> NDArray[np.bool_]:
        """Return at which sites updates need short steps before ``end_ns``, ``[site]``."""
        return self.clients.wants_short(end_ns)

    def before(self, end_ns: int, rows: IntArray | None) -> None:
        """Tell ECUs and buses of what happens to their supply before ``end_ns``; ``rows`` None: everywhere."""
        self.clients.lose_power(end_ns, slice(None) if rows is None else rows)

    def step(self, end_ns: int, rows: IntArray | None, view: SiteView) -> list[Event]:
        """Let the update clients of ``rows`` take what has happened before ``end_ns``; return what they tell."""
        self.clients.step(end_ns, slice(None) if rows is None else rows, view)
        self._reached_ns = end_ns
        self._transfers += self.clients.take_transfers()
        self._boots += self.clients.take_boots()
        return list(self._told())

    def _reports(self, time_ns: int) -> Reports:
        told = self.clients.take_told()
        ended = np.unique(told.site[np.isin(told.state, FINAL)]).tolist()
        said = (
            self._signed.manifest(int(self._site_ids[row]), self.clients.running[row].tolist(), time_ns)
            for row in ended
        )
        return Reports(
            told.time_ns,
            self._site_ids[told.site],
            told.state,
            told.cause,
            told.release,
            told.attempt,
            members=self._site_ids,
            contact_ns=self.clients.contact_ns.copy(),
            watched=self._site_ids[self.watch.rows],
            sums=self.watch.sums.copy(),
            manifests=tuple(one for one in said if one),
        )

    def _told(self) -> Iterator[Event]:
        """Yield an event for every change of state."""
        done = self.clients.take_transitions()
        columns = (done.time_ns, done.site, done.state, done.cause, done.release, done.attempt)
        for time_ns, site, state, cause, release, attempt in zip(*(one.tolist() for one in columns), strict=True):
            now, why = UpdateState(state), Cause(cause)
            self._transitions.append(Transition(time_ns, site, now, why, release, attempt))
            reason = "" if why is Cause.NONE else why.sentence
            text = f"update to release {release}: {now.name.lower()}" + f" ({reason})" * bool(reason)
            level = Level.WARNING if now is UpdateState.FAILURE else Level.INFO
            yield Event(time_ns, site, -1, -1, level, f"update_{now.name.lower()}", "ota", text, reason)

    def tables(self) -> Mapping[str, Columns]:
        """Return what there is to tell at the end by name; rows in the order of (site, time)."""
        changes = sorted(self._transitions, key=lambda one: (one.site, one.time_ns))
        moved = sorted(self._transfers, key=lambda one: (one.site, one.begin_ns))
        tables: dict[str, Columns] = {
            "ota_transitions": {
                "time_s": [one.time_ns * 1e-9 for one in changes],
                "site_id": self._site_ids[[one.site for one in changes]].tolist() if changes else [],
                "state": [int(one.state) for one in changes],
                "cause": [int(one.cause) for one in changes],
                "release": [one.release for one in changes],
                "attempt": [one.attempt for one in changes],
            },
            "ota_transfers": {
                "site_id": [int(self._site_ids[one.site]) for one in moved],
                "path": [WAN if one.ecu < 0 else BUS for one in moved],
                "ecu": ["" if one.ecu < 0 else self._ecus[one.ecu].node for one in moved],
                "begin_s": [one.begin_ns * 1e-9 for one in moved],
                "end_s": [one.end_ns * 1e-9 for one in moved],
                "bytes": [one.size_bytes for one in moved],
                "cause": [int(one.outcome) for one in moved],
            },
            "ota_versions": self._ran(),
            "ota_outages": self._outages(),
        }
        if self._attacks:
            sites = self._site_ids.tolist()
            tables["ota_attacks"] = self._attacks.columns(sites, self._foreign(), self._reached_ns)
        return tables

    def _outages(self) -> Columns:
        """Return when the sites' lines were down, as far as the run has come."""
        spans = [
            (site, begin_ns * 1e-9, end_ns * 1e-9 if end_ns < self._reached_ns else np.inf)
            for row, site in enumerate(self._site_ids.tolist())
            for begin_ns, end_ns in self._lines.outages(row)
            if begin_ns < self._reached_ns
        ]
        return {name: [span[place] for span in spans] for place, name in enumerate(("site_id", "begin_s", "end_s"))}

    def _foreign(self) -> set[tuple[int, str]]:
        """Return the (site, role) at which an image ran that is no release's."""
        booted = ((boot.site, self._ecus[boot.ecu], boot.version) for boot in self._boots)
        return {(site, member.role) for site, member, version in booted if version >= len(member.versions)}

    def _ran(self) -> Columns:
        """Return which ECU ran what from when to when."""
        boots: dict[tuple[int, int], list[tuple[int, int, int]]] = {
            (site, ecu): [(0, 0, 0)] for site in range(len(self._site_ids)) for ecu in range(len(self._ecus))
        }
        for boot in self._boots:
            boots[boot.site, boot.ecu].append((boot.time_ns, boot.time_ns + self._boot_ns, boot.version))
        rows: list[tuple[Any, ...]] = []
        for (site, ecu), of_ecu in boots.items():
            member, ends_ns = self._ecus[ecu], [start_ns for start_ns, _, _ in of_ecu[1:]]
            for (_, begin_ns, version), end_ns in zip(of_ecu, [*(one * 1e-9 for one in ends_ns), np.inf], strict=True):
                if version >= 0:
                    release = version if version < len(member.versions) else -1
                    about = (member.node, member.role, member.version(version), release)
                    rows.append((int(self._site_ids[site]), *about, begin_ns * 1e-9, end_ns))
        names = ("site_id", "ecu", "role", "version", "release", "begin_s", "end_s")
        return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
