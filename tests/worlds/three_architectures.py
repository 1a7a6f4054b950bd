"""Three runs of the same sites and faults, written by hand as three architectures might leave them.

Hybrid isolates the module in half a second, distributed likewise but without a hybrid's right codes for what only a
whole pack shows, centralized takes its scan's time, opens the pack, and names no cell. Numbers are drawn with fixed
seeds: what a page of a comparison has to show, not what the architectures are worth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.worlds.judged_runs import SECOND, Told, Truth, contactor, finding, written
from twin.bms.codes import Level
from twin.bms.events import Event
from twin.streams import stream

SITES, SLOTS, ROWS = 24, 4, 120
LIMITS = "isolated_within_s: 3, isolated_share: 1, lost_capacity: 0.3, visible_share: 0.9, false_isolations: 0"
RULES = (f"rules={{{LIMITS}}}",)
KINDS = (
    ("over_temperature", "overtemperature", True),
    ("internal_short", "internal_short,cell_undervoltage", True),
    ("sensor_offset", "voltage_implausible", False),
    ("insulation_loss", "insulation_low", True),
)


@dataclass(frozen=True)
class Manner:
    """How an architecture behaves."""

    name: str
    sampling_s: float
    debounce_s: float
    controller: bool
    whole_pack: bool
    names_cells: bool
    misses: frozenset[str]
    bleed: float


MANNERS = (
    Manner("centralized", 1.2, 0.7, False, True, False, frozenset({"sensor_offset"}), 0.3),
    Manner("distributed", 0.3, 0.7, False, False, True, frozenset({"insulation_loss"}), 1.0),
    Manner("hybrid", 0.3, 0.7, True, False, True, frozenset(), 1.0),
)


def truth() -> tuple[Truth, ...]:
    return tuple(
        Truth(kind, site, site % SLOTS, site % 16, 20.0 + site % 3, expected=expected, hazardous=hazardous)
        for site in range(SITES)
        for kind, expected, hazardous in (KINDS[site % len(KINDS)],)
    )


def three_runs(folder: Path, rules: Sequence[str] = RULES) -> dict[str, Path]:
    """Write the runs and return their folders by architecture."""
    return {one.name: written(folder / one.name, _told(one, rules)) for one in MANNERS}


def _told(manner: Manner, rules: Sequence[str]) -> Told:
    hours = np.arange(ROWS) / ROWS
    imbalance = 0.03 * np.ones((SITES, SLOTS, 16, 1)) * (np.arange(16) == 3)[:, None]
    soc = 0.5 + imbalance * np.clip(1.0 - 1.3 * manner.bleed * hours, 0.0, 1.0)
    bleed = (imbalance > 0) * manner.bleed * (soc > 0.501)
    noise = stream(3, manner.name, "noise").standard_normal((SITES, 1, 1))
    request_W = 500.0 * np.sin(np.arange(ROWS) / 9.0)
    signals = {
        "soc": soc,
        "bleed": bleed,
        "cell_voltage_V": 3.3,
        "temperature_K": 300.0,
        "current_A": 190.0,
        "module_soc": soc.mean(axis=2) + 0.01 + 0.004 * noise,
        "request_W": request_W,
        "power_W": request_W * (0.98 if manner.whole_pack else 0.995),
        "charge_limit_W": 4000.0,
        "discharge_limit_W": 4000.0,
    }
    events = [contactor(SECOND, "closed", site, slot) for site in range(SITES) for slot in range(SLOTS)]
    events += [event for fault in truth() for event in _told_of(manner, fault)]
    frames = np.full((SITES, 3), 120)
    bus = {"frames": frames, "overwritten": 0 * frames, "dropped": 0 * frames + (manner.name == "distributed")}
    return Told(SITES, SLOTS, 1, 60.0, ROWS, signals, events, truth(), bus, (f"bms.period_s={60}", *rules))


def _told_of(manner: Manner, fault: Truth) -> Iterator[Event]:
    if fault.kind in manner.misses:
        return
    draw = stream(7, manner.name, fault.site)
    since_ns = round((fault.start_s + manner.sampling_s * (0.5 + draw.random())) * SECOND)
    time_ns = since_ns + round(manner.debounce_s * SECOND)
    slot, cell = fault.slot, fault.cell if manner.names_cells else -1
    level = Level.FATAL if fault.hazardous else Level.WARNING
    code = fault.expected.split(",")[0]
    yield finding(time_ns, code, level, site=fault.site, slot=slot, cell=cell, since_ns=since_ns)
    if not fault.hazardous:
        return
    if manner.controller:
        heard_ns = time_ns + 20_000_000
        time_ns = heard_ns + round(0.5 * draw.random() * SECOND)
        facts = {"site": fault.site, "slot": slot, "source": "pack_controller", "since_ns": heard_ns}
        yield finding(time_ns, "module_fatal", level, **facts)
    yield contactor(time_ns + 22_000_000, site=fault.site, slot=-1 if manner.whole_pack else slot)
