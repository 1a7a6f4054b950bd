"""Rollouts written by hand, through the real writer, so that what the report says of them can be worked out on paper.

Nothing is simulated: a test states which site comes into which state when, which ECU runs which version, what was
decided and seen. ``fleet_rollout`` makes a whole fleet of such sites, in waves, up to a gate that stops the rollout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tests.worlds.runs import START
from tests.worlds.signals import SIGNALS
from twin.bms.codes import Level
from twin.bms.events import Event
from twin.ota.causes import Cause
from twin.ota.states import UpdateState
from twin.record import Column, RunWriter
from twin.record.options import Record
from twin.record.rollout import OUTCOMES, PATHS, TABLES, VERDICTS, rollout_table
from twin.streams import stream

S = UpdateState
SIGNALS_BY_NAME = {one.name: one for one in SIGNALS}
ROLES = {"Pack1": "pack_controller", "Module01": "module_monitor", "Module02": "module_monitor"}
USUAL = {"restarts": 0.02, "bus_load": 0.11, "soc_error": 0.012, "time_to_isolate": 1.9}
TROUBLES = (Cause.DOWNLOAD_FAILED, Cause.TRANSFER_TIMEOUT, Cause.POWER_LOST, Cause.BOOT_FAILED)
Row = tuple[Any, ...]


@dataclass
class Rollout:
    """What a run's tables say; every table is a list of rows in the order of its columns."""

    sites: int = 4
    hours: float = 4.0
    period_s: float = 60.0
    tables: dict[str, list[Row]] = field(default_factory=dict)
    signals: Mapping[str, Any] = field(default_factory=dict)
    """Values that can be broadcast to ``[site, time]``."""
    events: Sequence[Event] = ()
    truth: Mapping[str, Sequence[Any]] | None = None

    @property
    def rows(self) -> int:
        return round(self.hours * 3600 / self.period_s)

    def add(self, table: str, *row: Any) -> None:
        self.tables.setdefault(table, []).append(row)

    def releases(self, old: str = "2.3.0", new: str = "2.4.0") -> None:
        for number, version in ((0, old), (1, new)):
            for role in dict.fromkeys(ROLES.values()):
                self.add("ota_releases", number, role, version, 262_144)

    def states(self, site: int, *steps: Row, release: int = 1) -> None:
        """Add the states of a site: (time_s, state) or (time_s, state, cause, attempt)."""
        for time_s, state, *more in steps:
            cause, attempt = more or (Cause.NONE, 1)
            self.add("ota_transitions", time_s, site, int(state), int(cause), release, attempt)

    def runs(self, site: int, ecu: str, *spans: tuple[float, float, int]) -> None:
        """Add what an ECU ran: (from, to, release)."""
        for begin_s, end_s, release in spans:
            version = {0: "2.3.0", 1: "2.4.0"}.get(release, "6.6.6")
            self.add("ota_versions", site, ecu, ROLES[ecu], version, release, begin_s, end_s)

    def write(self, folder: Path) -> Path:
        """Write the run and return its folder."""
        slot = np.arange(2)
        coordinates = {"site": np.arange(self.sites), "slot": slot, "cell": np.arange(16)}
        signals = tuple(SIGNALS_BY_NAME[name] for name in self.signals)
        writer = RunWriter(
            folder,
            signals,
            {**coordinates, "pack": 0 * slot, "module": slot},
            {"name": "A rollout", "description": "Written by hand."},
            Record.model_validate({"detail": "site", "period_s": self.period_s}),
            START,
            round(self.period_s * 1e9),
        )
        shape = (self.sites, self.rows)
        values = {name: np.broadcast_to(one, shape) for name, one in self.signals.items()}
        for row in range(self.rows):
            time_ns = round((row + 1) * self.period_s * 1e9)
            writer.append(time_ns, {name: one[:, row] for name, one in values.items()})
        for event in self.events:
            writer.event(event)
        for name, rows in self.tables.items():
            columns = dict(zip(TABLES[name].columns, map(list, zip(*rows, strict=True)), strict=True))
            writer.table(name, rollout_table(name, columns))
        if self.truth is not None:
            writer.table("truth", {name: Column(np.array(one), ("fault",)) for name, one in self.truth.items()})
        writer.close("complete")
        return folder


def updates(rollout: Rollout, site: int, start_s: float, *, boot_s: float = 20.0, transfer_s: float = 170.0) -> float:
    """Let a site go through a healthy update of all its ECUs, and return when it was done."""
    asked_s, loaded_s = start_s + 60.0, start_s + 200.0
    written_s = loaded_s + transfer_s
    done_s = written_s + boot_s + 300.0
    rollout.states(
        site,
        (start_s, S.PENDING),
        (asked_s, S.WAITING),
        (asked_s + 20.0, S.DOWNLOADING),
        (loaded_s, S.INSTALLING),
        (written_s, S.REBOOTING),
        (written_s + boot_s, S.CHECKING),
        (done_s, S.SUCCESS),
    )
    rollout.add("ota_transfers", site, PATHS["wan"], "", asked_s + 20.0, loaded_s, 786_432, int(Cause.NONE))
    for number, ecu in enumerate(ROLES):
        begin_s = loaded_s + number * transfer_s / 3
        rollout.add(
            "ota_transfers", site, PATHS["bus"], ecu, begin_s, begin_s + transfer_s / 3, 262_144, int(Cause.NONE)
        )
        left_s = written_s + number * boot_s / 3
        rollout.runs(site, ecu, (0.0, left_s, 0), (left_s + boot_s / 6, np.inf, 1))
    return done_s


def fleet_rollout(sites: int = 200, *, hours: float = 36.0, stops: bool = True, seed: int = 3) -> Rollout:
    """Return a canary rollout in waves; with ``stops``, a gate finds restarts in the canaries and holds it up."""
    draw = stream(seed, "fleet_rollout")
    rollout = Rollout(sites, hours)
    rollout.releases()
    group_of = np.minimum(np.searchsorted([0.04, 0.2, 0.5], np.arange(sites) / sites, side="right"), 3)
    baseline = set(range(sites - sites // 20, sites))
    for site in range(sites):
        role = 1 if group_of[site] == 0 else 2 if site in baseline else 0
        rollout.add("ota_plan", site, int(group_of[site]), role)
    begin_s = np.array([0.5, 3.5, 9.0, 18.0]) * 3600.0
    _looks(rollout, draw, stops=stops)
    for site in range(sites):
        if stops and group_of[site] > 0:
            for ecu in ROLES:
                rollout.runs(site, ecu, (0.0, np.inf, 0))
            continue
        start_s = float(begin_s[group_of[site]] + draw.gamma(2.0, 900.0 * (1 + group_of[site])))
        if stops:
            _rolled_back(rollout, site, start_s)
        elif draw.random() < 0.06:
            _troubled(rollout, site, start_s, draw)
        else:
            updates(rollout, site, start_s, transfer_s=float(draw.normal(190.0, 18.0)))
        if draw.random() < 0.3:
            lost_s = float(draw.uniform(0, hours * 3600))
            rollout.add("ota_outages", site, lost_s, lost_s + float(draw.exponential(2400.0)))
    if not stops:
        for group, time_s in enumerate(begin_s):
            rollout.add("ota_decisions", time_s, "start_group", group, f"group {group + 1} begins")
        rollout.add("ota_decisions", 25 * 3600.0, "finish", -1, "every site has come to an end")
    rollout.signals = _fleet_signals(rollout, draw)
    return rollout


def _looks(rollout: Rollout, draw: np.random.Generator, *, stops: bool) -> None:
    for number in range(5):
        time_s = 3600.0 + 1500.0 * number
        verdict = "wait" if number < 4 else "stop" if stops else "pass"
        for behaviour, usual in (
            ("restarts", 0.02),
            ("bus_load", 0.11),
            ("soc_error", 0.012),
            ("time_to_isolate", 1.9),
        ):
            grows = stops and behaviour == "restarts"
            canary = usual * (1 + 0.05 * draw.standard_normal()) + (0.09 * number if grows else 0.0)
            p_value = 0.4 ** (2 + 2 * number) if grows else float(draw.uniform(0.1, 0.9))
            worse = int(grows and number == 4)
            text = f"{behaviour}: {canary:.3g} of 8 canaries against {usual:.3g} of 10"
            rollout.add(
                "ota_gates", time_s, 0, behaviour, canary, usual, p_value, 4e-4, 8, 10, worse, VERDICTS[verdict], text
            )
    rollout.add("ota_decisions", 0.5 * 3600.0, "start_group", 0, "group 1 (canaries) begins with 8 sites")


def _rolled_back(rollout: Rollout, site: int, start_s: float) -> None:
    stop_s = 3600.0 + 1500.0 * 4
    if not any(row[1] == "gate_stop" for row in rollout.tables["ota_decisions"]):
        why = "gate 'restarts' stopped the rollout: canaries restart 0.38 times an hour, others 0.02"
        rollout.add("ota_decisions", stop_s, "gate_stop", 0, why)
        rollout.add("ota_decisions", stop_s, "roll_back", 0, "8 sites go back to the version that they ran before")
    done_s = updates(rollout, site, start_s)
    back_s = max(stop_s, done_s) + 300.0
    rollout.states(
        site,
        (back_s, S.PENDING),
        (back_s + 60.0, S.DOWNLOADING),
        (back_s + 200.0, S.INSTALLING),
        (back_s + 370.0, S.REBOOTING),
        (back_s + 390.0, S.CHECKING),
        (back_s + 690.0, S.SUCCESS),
        release=0,
    )
    mine = [n for n, row in enumerate(rollout.tables["ota_versions"]) if row[0] == site and row[4] == 1]
    for place in mine:
        row = rollout.tables["ota_versions"][place]
        rollout.tables["ota_versions"][place] = (*row[:6], back_s + 370.0)
    for ecu in ROLES:
        rollout.runs(site, ecu, (back_s + 390.0, np.inf, 0))


def _troubled(rollout: Rollout, site: int, start_s: float, draw: np.random.Generator) -> None:
    """Let a site fail twice for one of a few reasons, and then give up or make it after all."""
    cause = TROUBLES[int(draw.integers(len(TROUBLES)))]
    rollout.states(
        site,
        (start_s, S.PENDING),
        (start_s + 90.0, S.DOWNLOADING),
        (start_s + 400.0, S.WAITING, cause, 2),
        (start_s + 2400.0, S.DOWNLOADING, Cause.NONE, 2),
        (start_s + 2700.0, S.INSTALLING, Cause.NONE, 2),
    )
    if cause is Cause.BOOT_FAILED:
        rollout.states(site, (start_s + 2900.0, S.REBOOTING), (start_s + 3000.0, S.FAILURE, cause, 2))
    else:
        rollout.states(
            site, (start_s + 2900.0, S.REBOOTING), (start_s + 2920.0, S.CHECKING), (start_s + 3300.0, S.SUCCESS)
        )
    done = np.inf if cause is not Cause.BOOT_FAILED else start_s + 2990.0
    for ecu in ROLES:
        rollout.runs(site, ecu, (0.0, start_s + 2900.0, 0), (start_s + 2920.0, done, 1))
        if np.isfinite(done):
            rollout.runs(site, ecu, (start_s + 3000.0, np.inf, 0))


def _fleet_signals(rollout: Rollout, draw: np.random.Generator) -> dict[str, Any]:
    """Return request, power and bus load: busy while installing, without power while rebooting."""
    time_s = (np.arange(rollout.rows) + 1) * rollout.period_s
    request_W = 900.0 + 700.0 * np.sin(time_s / 9000.0) + 40.0 * draw.standard_normal((rollout.sites, rollout.rows))
    power_W = request_W.copy()
    load = 0.11 + 0.003 * draw.standard_normal(power_W.shape)
    table = sorted(rollout.tables["ota_transitions"], key=lambda row: (row[1], row[0]))
    for row, following in pairwise(table):
        inside = (time_s > row[0]) & (time_s - rollout.period_s < following[0])
        if row[1] == following[1] and row[2] == S.INSTALLING:
            load[row[1], inside] += 0.31
        if row[1] == following[1] and row[2] == S.REBOOTING:
            power_W[row[1], inside] *= 0.7
    return {"request_W": request_W, "power_W": power_W, "bus_load": load}


ATTACKS = (
    ("eavesdrop", "", "no_effect", "outside_promise", ""),
    ("drop_request", "", "detected", "detected", "client: no answer within the time-out"),
    ("slow_retrieval", "", "detected", "detected", "client: slower than the minimum rate"),
    ("freeze", "", "detected", "detected", "director/timestamp: expired"),
    ("partial_bundle_installation", "", "detected", "detected", "director/targets: bundle incomplete"),
    ("rollback", "", "detected", "detected", "image/snapshot: version fell"),
    ("endless_data", "", "detected", "detected", "client: longer than stated"),
    ("mix_and_match", "", "detected", "detected", "director/targets: images of different bundles"),
    ("arbitrary_software", "", "detected", "detected", "image/targets: signature"),
    ("arbitrary_software", "director/targets", "detected", "outside_promise", "image/targets: hash"),
)


def attacked() -> Rollout:
    """Return a run in which every site is attacked in another way."""
    rollout = Rollout(len(ATTACKS), 2.0)
    rollout.releases()
    for site, (attack, keys, primary, secondary, check) in enumerate(ATTACKS):
        rollout.states(site, (600.0, S.PENDING), (900.0, S.WAITING, Cause.METADATA_REFUSED, 2))
        for ecu, how, outcome in (("primary", "full", primary), ("module_monitor", "partial", secondary)):
            noticed_s = 900.0 if outcome == "detected" else np.inf
            said = check if outcome == "detected" else ""
            ran = int(keys != "" and ecu != "primary")
            facts = (attack, keys, ecu, how, 600.0, OUTCOMES[outcome], noticed_s, said, ran, f"{attack}: {outcome}")
            rollout.add("ota_attacks", site, *facts)
    return rollout


def contactor(time_s: float, site: int, what: str) -> Event:
    """Return what the plant tells of the main contactor of a site."""
    text = f"pack 1: the main contactor {what}"
    return Event(round(time_s * 1e9), site, -1, -1, Level.INFO, "contactor", "plant", text, pack=0)
