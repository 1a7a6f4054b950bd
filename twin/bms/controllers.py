"""All ECUs of a cohort: when each runs, what it reads, and what becomes of what it puts out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from twin.bms.architectures.architecture import Architecture, Ecu
from twin.bms.codes import Level
from twin.bms.events import Event
from twin.bms.firmware.firmware import Findings, Firmware, Inputs, Outputs
from twin.bms.messages import Ecus, MessageTable
from twin.bms.rows import put, take
from twin.bms.schedule import Group, Schedule
from twin.network.engines.engine import Engine
from twin.plant.action import Action, Actuator

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


_BATCH_WORK = 7
"""What a batch costs whatever its firmware does, in message types that it reads or sends (measured)."""


class Role:
    """The ECUs of one role over all sites: row = site * (ECUs of the role a site) + which of them."""

    def __init__(self, firmware: Firmware[Any], ecus: list[Ecu], sites: int, memory: Mapping[str, FloatArray]) -> None:
        self.firmware = firmware
        self.per_site = len(ecus)
        self.slot = np.array([ecu.slot for ecu in ecus], np.int64)
        self.pack = np.array([ecu.pack for ecu in ecus], np.int64)
        rows = sites * self.per_site
        self.state = firmware.initial(rows, memory)
        self.level = np.zeros((rows, len(firmware.codes)), np.int8)
        self.commands: dict[Actuator, FloatArray] = {}
        self.beliefs: dict[str, FloatArray] = {}

    def step(self, rows: IntArray, inputs: Inputs) -> Outputs:
        """Run the firmware on some rows and keep their new state."""
        after, outputs = self.firmware.step(take(self.state, rows), inputs)
        put(self.state, rows, after)
        for name, values in outputs.beliefs.items():
            self.belief(name)[rows] = values
        return outputs

    def belief(self, name: str) -> FloatArray:
        """Return what the ECUs believe, ``[row]``; NaN before the first activation."""
        if name not in self.beliefs:
            self.beliefs[name] = np.full(len(self.level), np.nan)
        return self.beliefs[name]

    def held(self, actuator: Actuator) -> FloatArray:
        """Return the set-points, ``[row]`` or ``[row, cell]``; NaN before the first activation."""
        if actuator not in self.commands:
            self.commands[actuator] = np.full((len(self.level), *self.firmware.commands[actuator]), np.nan)
        return self.commands[actuator]

    def changed(self, actuator: Actuator, rows: IntArray, wanted: FloatArray) -> FloatArray:
        """Return where a set-point differs from the last one, ``wanted``'s shape, and remember it."""
        held = self.held(actuator)
        different = held[rows] != wanted
        held[rows] = wanted
        return different


class Crew(NamedTuple):
    """The ECUs of a batch: ``[n]`` each."""

    role: Role
    ecus: Ecus
    which: IntArray
    """The how-manieth of its role each is at its site."""
    rows: IntArray
    """Of the role's state."""


class Controllers:
    """Steps the ECUs of all sites through one tick after the other."""

    def __init__(
        self,
        architecture: Architecture,
        schedule: Schedule,
        messages: MessageTable,
        buses: Engine,
        memory: Mapping[str, Mapping[str, FloatArray]],
        sites: int,
    ) -> None:
        self._ecus = architecture.ecus()
        self._schedule = schedule
        self._messages = messages
        self._buses = buses
        self._reached_ns = np.zeros(sites, np.int64)
        self._execution_ns = round(architecture.options.execution_s * 1e9)
        self._roles = [
            Role(one, [ecu for ecu in self._ecus if ecu.role == one.role], sites, memory.get(one.role, {}))
            for one in architecture.firmware()
        ]
        schedule.weigh([_BATCH_WORK + len(one.reads) + len(one.sends) for one in architecture.firmware()])
        self._crews: WeakKeyDictionary[Group, Crew] = WeakKeyDictionary()
        self._index_in_role = np.array(
            [[ecu for ecu in self._ecus if ecu.role == one.role].index(one) for one in self._ecus], np.int64
        )

    def beliefs(self, name: str) -> FloatArray:
        """Return what the ECUs of the role that holds it believe, ``[site, ECU of the role]``; NaN before they ran."""
        role = next(role for role in self._roles if name in role.firmware.believes)
        return role.belief(name).reshape(-1, role.per_site)

    def commanded(self, actuator: Actuator) -> FloatArray:
        """Return the set-points that the ECUs hold, ``[site, ECU of the role]``, or one more axis for its cells.

        NaN before the first activation.
        """
        role = next(role for role in self._roles if actuator in role.firmware.commands)
        held = role.held(actuator)
        return held.reshape(-1, role.per_site, *held.shape[1:])

    def stop(self, site: int) -> None:
        """Run no ECU of this site any more."""
        self._schedule.stop(site)

    def run_until(
        self, end_ns: int, sensed: Mapping[str, Mapping[str, FloatArray]]
    ) -> tuple[list[Action], list[Event]]:
        """Run every activation before ``end_ns``, and the buses between them.

        ``sensed[role][name]`` is ``[site, ECU of the role, ...]``. Returns the set-points that
        changed, each with its own instant, which may lie past ``end_ns``, and the events.
        """
        actions: list[Action] = []
        events: list[Event] = []
        for group, time_ns in self._schedule.batches(end_ns):
            crew = self._crew(group)
            role, ecus = crew.role, crew.ecus
            self._reached_ns[ecus.site] = time_ns
            self._buses.advance(self._reached_ns)
            outputs = role.step(crew.rows, self._inputs(crew, time_ns, sensed[role.firmware.role]))
            done_ns = time_ns + self._execution_ns
            self._messages.send(self._buses, outputs.frames, ecus, done_ns)
            actions += _actions(role, crew.rows, ecus, outputs.commands, done_ns)
            if outputs.findings is not None:
                events += _events(role, crew.rows, ecus, time_ns, outputs.findings)
        self._reached_ns[:] = end_ns - 1
        self._buses.advance(self._reached_ns)
        return actions, events

    def _crew(self, group: Group) -> Crew:
        """Return the ECUs of a group; it is the same one tick after the other, until two of a site swap their order."""
        if group not in self._crews:
            role, which = self._roles[group.role], self._index_in_role[group.ecu]
            ecus = Ecus(group.site, role.pack[which], role.slot[which])
            self._crews[group] = Crew(role, ecus, which, group.site * role.per_site + which)
        return self._crews[group]

    def _inputs(self, crew: Crew, time_ns: IntArray, sensed: Mapping[str, FloatArray]) -> Inputs:
        firmware, ecus = crew.role.firmware, crew.ecus
        return Inputs(
            time_ns,
            ecus.slot,
            {name: values[ecus.site, crew.which] for name, values in sensed.items()},
            self._messages.read(self._buses, firmware.reads, firmware.scope, ecus),
        )


def _actions(
    role: Role,
    rows: IntArray,
    ecus: Ecus,
    commands: Mapping[Actuator, FloatArray],
    time_ns: IntArray,
) -> Iterator[Action]:
    """Yield the set-points that changed; a command ``[row, n]`` is one of ``n`` cells."""
    for actuator, wanted in commands.items():
        changed = role.changed(actuator, rows, wanted)
        if not changed.any():
            continue
        row, *cell = changed.nonzero()
        yield from map(
            Action,
            time_ns[row].tolist(),
            ecus.site[row].tolist(),
            repeat(actuator),
            wanted[changed].tolist(),
            ecus.slot[row].tolist(),
            cell[0].tolist() if cell else repeat(-1),
        )


def _events(role: Role, rows: IntArray, ecus: Ecus, time_ns: IntArray, findings: Findings) -> Iterator[Event]:
    """Yield an event for every code whose level changed."""
    changed = role.level[rows] != findings.level
    if not changed.any():
        return
    role.level[rows] = findings.level
    firmware = role.firmware
    slots, cells = (np.broadcast_to(where, changed.shape) for where in (findings.slot, findings.cell))
    for row, column in np.argwhere(changed):
        code, level = firmware.codes[column], Level(int(findings.level[row, column]))
        slot, cell = int(slots[row, column]), int(cells[row, column])
        place = f"pack {ecus.pack[row] + 1}" if slot < 0 else f"module {slot + 1}"
        place += f" cell {cell + 1}" if cell >= 0 else ""
        yield Event(
            int(time_ns[row]),
            int(ecus.site[row]),
            slot,
            cell,
            level,
            code.name,
            firmware.role,
            code.sentence(level, place, float(findings.value[row, column])),
            code.cause,
            code.remedy,
        )
