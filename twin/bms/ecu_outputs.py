"""What becomes of what ECUs put out: set-points that changed are actions, levels that changed are events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import Level, place_name
from twin.bms.events import Event
from twin.bms.firmware.firmware import Findings
from twin.bms.programs import Crew
from twin.plant.action import Action, Actuator

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def actions(crew: Crew, commands: Mapping[Actuator, FloatArray], time_ns: IntArray) -> Iterator[Action]:
    """Yield an action for every set-point that changed."""
    role, ecus = crew.role, crew.ecus
    for actuator, wanted in commands.items():
        changed = role.changed(actuator, crew.rows, wanted)
        if not changed.any():
            continue
        row, *inner = changed.nonzero()
        slot = ecus.slot[row] + (inner.pop(0) if role.reach[actuator].slots else 0)
        yield from map(
            Action,
            time_ns[row].tolist(),
            ecus.site[row].tolist(),
            repeat(actuator),
            wanted[changed].tolist(),
            slot.tolist(),
            inner[0].tolist() if inner else repeat(-1),
        )


def released(crew: Crew, actuators: Mapping[Actuator, object], time_ns: IntArray) -> Iterator[Action]:
    """Yield what drivers do that nobody holds: contactors open, resistors and fans go off, no power is allowed."""
    rest = {name: np.zeros((len(crew.rows), *crew.role.reach[name].shape)) for name in actuators}
    return actions(crew, rest, time_ns)


def failure(crew: Crew, row: int, time_ns: int, why: str) -> Event:
    """Return the event of an ECU whose program has failed."""
    firmware, ecus = crew.program.firmware, crew.ecus
    slot = int(ecus.slot[row]) if firmware.scope == "module" else -1
    pack = int(ecus.pack[row]) if firmware.scope != "site" else -1
    name = firmware.role.replace("_", " ")
    return Event(
        time_ns,
        int(ecus.site[row]),
        slot,
        -1,
        Level.FATAL,
        "program_failed",
        "firmware",
        f"{place_name(pack, slot)}: the program of the {name} has failed, and it is silent: {why}",
        "its program cannot go on from what it was given",
        "restart the ECU, and look into its program",
        pack=pack,
    )


def found(crew: Crew, time_ns: IntArray, findings: Findings, modules: int) -> Iterator[Event]:
    """Yield an event for every code whose level changed; a pack has so many ``modules``."""
    role, rows, ecus, held = crew.role, crew.rows, crew.ecus, crew.program.level
    stale = role.spoilt["stale"][rows]
    level = findings.level
    if stale.any():
        level = np.where(stale[:, None], np.maximum(level, held[rows]), level)
    changed = held[rows] != level
    if not changed.any():
        return
    held[rows] = level
    slots, cells = (np.broadcast_to(where, changed.shape) for where in (findings.slot, findings.cell))
    for row, column in np.argwhere(changed):
        code, now = crew.program.firmware.codes[column], Level(int(level[row, column]))
        slot, cell = int(slots[row, column]), int(cells[row, column])
        pack = int(ecus.pack[row]) if slot < 0 else slot // modules
        place = place_name(pack, slot, cell)
        anonymous = bool(role.spoilt["anonymous"][rows[row]])
        if anonymous:
            slot, cell, pack, place = -1, -1, -1, "a module"
        yield Event(
            int(time_ns[row]),
            int(ecus.site[row]),
            slot,
            cell,
            now,
            code.name,
            role.firmware.role,
            code.sentence(now, place, float(findings.value[row, column])),
            code.cause,
            code.remedy,
            int(findings.since_ns[row, column]),
            pack,
        )
