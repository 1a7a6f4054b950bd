"""Sites as their operator sees them, without plant and bus: calm, and with whatever a test lets go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from twin.bms.codes import Level
from twin.bms.events import Event
from twin.ota.behaviour.observation import Observation, Size
from twin.ota.behaviour.self_tests import CODE

SECOND = 1_000_000_000
SIZE = Size(sites=3, packs=1, slots=2, cells=4)
FRAMES_PER_S, BUSY_SHARE = 26, 0.05


def calm(
    start_s: float, end_s: float, rows: Sequence[int] = (0, 1, 2), events: Sequence[Event] = (), **told: Any
) -> Observation:
    """Return what a tick of sites shows at which nothing is wrong: half charged, at rest, their highest cell bled."""
    sites, start_ns, end_ns = len(rows), round(start_s * SECOND), round(end_s * SECOND)
    voltage_V = np.broadcast_to(3.3 + 0.01 * np.arange(SIZE.cells), (sites, SIZE.slots, SIZE.cells)).copy()
    bleed = np.zeros_like(voltage_V)
    bleed[..., -1] = 0.5
    seen = Observation(
        start_ns=start_ns,
        end_ns=end_ns,
        rows=np.array(rows, np.int64),
        events=events,
        request_W=np.full(sites, 1000.0),
        power_W=np.full(sites, 1000.0),
        charge_limit_W=np.full(sites, 8000.0),
        discharge_limit_W=np.full(sites, 8000.0),
        module_soc=np.full((sites, SIZE.slots), 0.5),
        current_A=np.zeros((sites, SIZE.slots)),
        module_state=np.full((sites, SIZE.slots), 2),
        pack_state=np.full((sites, SIZE.packs), 2),
        cell_voltage_V=voltage_V,
        temperature_K=np.full_like(voltage_V, 300.0),
        bleed=bleed,
        busy_ns=np.full((sites, 1), round(BUSY_SHARE * end_ns)),
        frames=np.full(sites, round(FRAMES_PER_S * end_s)),
        restarts=np.zeros(sites, np.int64),
        silent=np.zeros(sites),
        rated_W=8000.0,
        capacity_Ah=314.0,
    )
    return replace(seen, **told)


def event(time_s: float, code: str, level: Level = Level.WARNING, **where: Any) -> Event:
    """Return an event of site 0, of a monitor unless said otherwise."""
    said = {"site": 0, "slot": -1, "cell": -1, "source": "module_monitor", "message": code, **where}
    return Event(time_ns=round(time_s * SECOND), level=level, code=code, **said)


def opened(time_s: float, slot: int = 0, **where: Any) -> Event:
    """Return that the contactor of a module has opened."""
    return event(time_s, "contactor", Level.INFO, slot=slot, source="plant", message="the contactor opened", **where)


def stimulus(time_s: float, slot: int = 0) -> Event:
    """Return the tool's record of a self-test that begins."""
    return event(time_s, CODE, Level.INFO, slot=slot, cell=1, source="scenario")


def cleared(time_s: float, slot: int = 0) -> Event:
    """Return the tool's record of a self-test that is over."""
    return event(time_s, CODE, Level.INFO, slot=slot, source="scenario")
