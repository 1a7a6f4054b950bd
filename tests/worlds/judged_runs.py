"""Runs written by hand, value by value, so that every metric of them can be worked out on paper.

Nothing is simulated: a test states the signals, the events, the truth about faults and what the buses counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.worlds.runs import START
from tests.worlds.signals import SIGNALS
from twin.analysis.evidence import Evidence
from twin.bms.codes import Level
from twin.bms.events import Event
from twin.record import Column, RunWriter, Signal
from twin.record.options import Record
from twin.scenario import Scenario, load, resolved

SECOND = 1_000_000_000
CELLS = 16


@dataclass(frozen=True)
class Truth:
    """One row of the table of the truth."""

    kind: str
    site: int
    slot: int = -1
    cell: int = -1
    start_s: float = 0.0
    end_s: float = np.inf
    expected: str = ""
    hazardous: bool = False


@dataclass(frozen=True)
class Told:
    """What a run by hand consists of."""

    sites: int = 1
    slots: int = 4
    packs: int = 1
    period_s: float = 1.0
    rows: int = 100
    signals: Mapping[str, Any] = field(default_factory=dict)
    """Values that can be broadcast to ``[site, (slot, (cell,)) time]``."""
    events: Sequence[Event] = ()
    truth: Sequence[Truth] | None = ()
    """None: a run of before there was such a table."""
    bus: Mapping[str, Any] = field(default_factory=dict)
    """Counts ``[site, message]`` by column."""
    overrides: Sequence[str] = ()
    scenario: bool = True
    detail: str = "cell"


@cache
def scenario_of(overrides: tuple[str, ...]) -> Scenario:
    return load("one_home", overrides)


def finding(time_ns: int, code: str, level: Level = Level.FATAL, **facts: Any) -> Event:
    """Return what an ECU says."""
    values = {"site": 0, "slot": -1, "cell": -1, "source": "module_monitor", "message": code, "since_ns": time_ns}
    return Event(time_ns, level=level, code=code, **{**values, **facts})


def contactor(time_ns: int, what: str = "opened", site: int = 0, slot: int = -1, pack: int = -1) -> Event:
    """Return what the plant tells of a contactor; ``slot`` -1: that of a pack, numbered from 0."""
    text = f"the contactor {what}" if slot >= 0 else f"pack {max(pack, 0) + 1}: the main contactor {what}"
    return Event(time_ns, site, slot, -1, Level.INFO, "contactor", "plant", text, pack=pack)


def judged(folder: Path, told: Told) -> Evidence:
    """Write a run and return the evidence in it."""
    return Evidence.of(written(folder, told))


def written(folder: Path, told: Told) -> Path:
    """Write a run and return its folder."""
    slot = np.arange(told.slots)
    modules = told.slots // told.packs
    coordinates = {
        "site": np.arange(told.sites),
        "slot": slot,
        "cell": np.arange(CELLS),
        "pack": slot // modules,
        "module": slot % modules,
    }
    signals = tuple(_signal(name) for name in told.signals)
    record = Record.model_validate({"detail": told.detail, "period_s": told.period_s})
    period_ns = round(told.period_s * SECOND)
    writer = RunWriter(folder, signals, coordinates, {"name": folder.name}, record, START, period_ns)
    values = {one.name: np.broadcast_to(told.signals[one.name], _shape(one, told)) for one in signals}
    for row in range(told.rows):
        writer.append((row + 1) * period_ns, {name: one[..., row] for name, one in values.items()})
    for event in told.events:
        writer.event(event)
    if told.truth is not None:
        writer.table("truth", truth_table(told.truth))
    if told.bus:
        writer.table("bus", bus_table(told.bus))
    writer.close("complete")
    if told.scenario:
        sizes = (f"fleet.sites={told.sites}", f"fleet.packs={told.packs}", f"fleet.modules={modules}")
        lengths = (f"duration_s={told.rows * told.period_s}", f"step_s={told.period_s}")
        scenario = scenario_of((*sizes, *lengths, f"record.period_s={told.period_s}", *told.overrides))
        (folder / "scenario.yaml").write_text(resolved(scenario))
    return folder


def _signal(name: str) -> Signal:
    """Return a signal as the log has it, but stored as it is: nothing is rounded on paper."""
    known = {one.name: one for one in SIGNALS}
    if name not in known:
        return Signal(name, ("site", "slot", "cell"), "A", name)
    one = known[name]
    return Signal(one.name, one.dims, one.unit, one.long_name, flags=one.flags)


def _shape(signal: Signal, told: Told) -> tuple[int, ...]:
    sizes = {"site": told.sites, "slot": told.slots, "cell": CELLS}
    return (*(sizes[dim] for dim in signal.dims), told.rows)


def truth_table(faults: Iterable[Truth]) -> dict[str, Column]:
    """Return the table of the truth as the run loop writes it."""
    faults = tuple(faults)
    columns = {
        "kind": [one.kind for one in faults],
        "site_id": [one.site for one in faults],
        "slot_id": [one.slot for one in faults],
        "cell_id": [one.cell for one in faults],
        "start_s": [one.start_s for one in faults],
        "end_s": [one.end_s for one in faults],
        "expected": [one.expected for one in faults],
        "hazardous": [int(one.hazardous) for one in faults],
        "text": [f"{one.kind} begins" for one in faults],
    }
    texts = ("kind", "expected", "text")
    return {
        name: Column(np.array(values, np.str_ if name in texts else None), ("fault",))
        for name, values in columns.items()
    }


def bus_table(counts: Mapping[str, Any]) -> dict[str, Column]:
    """Return statistics of buses with the counts ``[site, message]``."""
    columns = {name: Column(np.array(values), ("site", "message")) for name, values in counts.items()}
    messages = [f"Message{number}" for number in range(len(counts["frames"][0]))]
    return {"message": Column(np.array(messages), ("message",)), **columns}
