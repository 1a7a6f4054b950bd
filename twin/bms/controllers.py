"""All ECUs of a cohort: when each runs, what it reads, and what becomes of what it puts out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from twin.bms.architectures.architecture import Architecture, Ecu
from twin.bms.codes import Level, place_name
from twin.bms.ecu_faults import Change, EcuFaults
from twin.bms.effects import EcuFault
from twin.bms.events import Event
from twin.bms.firmware.firmware import Findings, Firmware, Inputs, Outputs, Reach, Service
from twin.bms.leads import OF_A_MODULE
from twin.bms.messages import Ecus, MessageTable
from twin.bms.rows import Rows
from twin.bms.schedule import Group, Schedule
from twin.network.engines.engine import Engine
from twin.plant.action import Action, Actuator

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


FOREVER = 2**62
"""Later than any run."""
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
        self.state = Rows(firmware.initial(rows, {**memory, "ecu": np.arange(rows, dtype=np.float64)}))
        self.level = np.zeros((rows, len(firmware.codes)), np.int8)
        self.spoilt = {kind: np.zeros(rows, np.bool_) for kind in ("stale", "anonymous")}
        self.commands = {name: np.full((rows, *reach.shape), np.nan) for name, reach in firmware.commands.items()}
        self.beliefs = {name: np.full((rows, *reach.shape), np.nan) for name, reach in firmware.believes.items()}

    def step(self, rows: IntArray, inputs: Inputs) -> Outputs:
        """Run the firmware on some rows and keep their new state."""
        after, outputs = self.firmware.step(self.state.take(rows), inputs)
        self.state.put(rows, after)
        running = rows if outputs.running is None else rows[outputs.running]
        for name, values in outputs.beliefs.items():
            if outputs.running is not None:
                self.beliefs[name][rows] = np.nan
            self.beliefs[name][running] = values
        return outputs

    def restart(self, rows: IntArray) -> None:
        """Begin again with what the ECUs remember over power-off."""
        self.begin(rows, {**self.firmware.memory(self.state.take(rows)), "restarts": np.ones(len(rows))})

    def begin(self, rows: IntArray, memory: Mapping[str, FloatArray]) -> None:
        """Begin with this memory, as after power-on; what was found before and is no more will be told as cleared."""
        self.state.put(rows, self.firmware.initial(len(rows), {**memory, "ecu": rows.astype(np.float64)}))

    def service(self, rows: IntArray, what: Service, value: float) -> None:
        """Do to the ECUs what a service tool, or a mistake at their set-up, does."""
        self.state.put(rows, self.firmware.service(self.state.take(rows), what, value))

    def by_site(self, values: FloatArray, reach: Reach) -> FloatArray:
        """Return ``values[row, ...]`` as ``[site, ECU, ...]``, or where they reach slots as ``[site, slot, ...]``."""
        cells = reach.shape[bool(reach.slots) :]
        return values.reshape(-1, self.per_site * max(reach.slots, 1), *cells)

    def changed(self, actuator: Actuator, rows: IntArray, wanted: FloatArray) -> NDArray[np.bool_]:
        """Return where a set-point differs from the last one, ``wanted``'s shape, and remember it."""
        held = self.commands[actuator]
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

    def only(self, some: IntArray) -> Crew:
        """Return some of them."""
        ecus = Ecus(self.ecus.site[some], self.ecus.pack[some], self.ecus.slot[some])
        return Crew(self.role, ecus, self.which[some], self.rows[some])


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
        mishaps: Sequence[EcuFault] = (),
    ) -> None:
        self._ecus = architecture.ecus()
        self._schedule = schedule
        self._messages = messages
        self._buses = buses
        self.advance: Callable[[IntArray], None] = buses.advance
        """Brings the buses of each site to its own ``until_ns[site]``; who has more to do in between takes its place."""
        self._reached_ns = np.zeros(sites, np.int64)
        self._modules = architecture.site.modules
        self._faults = EcuFaults(self._ecus, mishaps, modules=self._modules)
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

    def believes(self, name: str) -> bool:
        """Return whether any ECU tells of this belief."""
        return any(name in role.firmware.believes for role in self._roles)

    def beliefs(self, name: str) -> FloatArray:
        """Return what the ECUs of the role that holds it believe, ``[site, ECU or slot, ...]``; NaN before they ran."""
        role = next(role for role in self._roles if name in role.firmware.believes)
        return role.by_site(role.beliefs[name], role.firmware.believes[name])

    def commanded(self, actuator: Actuator) -> FloatArray | None:
        """Return the set-points that the ECUs hold, ``[site, ECU or slot, ...]``; None where no ECU has the actuator.

        NaN before the first activation.
        """
        role = next((role for role in self._roles if actuator in role.firmware.commands), None)
        return None if role is None else role.by_site(role.commands[actuator], role.firmware.commands[actuator])

    def unplug(self, site: int, slot: int, time_ns: int) -> None:
        """Take the ECU of a module away with its module."""
        self._forget(site, slot)
        for index in self._ecus_of_module(slot):
            self._schedule.pause(site, index, time_ns, FOREVER)

    def plug_in(self, site: int, slot: int, time_ns: int, memory: Mapping[str, float] | None = None) -> None:
        """Switch on the ECU of a module that has joined, which remembers ``memory``, or what it was when unplugged."""
        self._forget(site, slot)
        for index in self._ecus_of_module(slot):
            role = self._roles[self._schedule.role(index)]
            rows = np.array([site * role.per_site + self._index_in_role[index]])
            if memory is None:
                role.restart(rows)
            else:
                role.begin(rows, {name: np.array([value]) for name, value in memory.items()})
            self._schedule.resume(site, index, time_ns)

    def _ecus_of_module(self, slot: int) -> list[int]:
        return [index for index, ecu in enumerate(self._ecus) if ecu.scope == "module" and ecu.slot == slot]

    def _forget(self, site: int, slot: int) -> None:
        """Command everything of a slot anew: who has been unplugged does not know what it was told."""
        for role in self._roles:
            for name, reach in role.firmware.commands.items():
                if name in OF_A_MODULE:
                    role.by_site(role.commands[name], reach)[site, slot] = np.nan

    def close(self) -> None:
        """Free what firmware holds."""
        for role in self._roles:
            role.firmware.close()

    def stop(self, site: int) -> None:
        """Run no ECU of this site any more."""
        self._schedule.stop(site)

    def run_until(
        self, end_ns: int, sensed: Mapping[str, Mapping[str, NDArray[Any]]]
    ) -> tuple[list[Action], list[Event]]:
        """Run every activation before ``end_ns``, and the buses between them.

        ``sensed[role][name]`` is ``[site, ECU of the role, ...]``. Returns the set-points that
        changed, each with its own instant, which may lie past ``end_ns``, and the events.
        """
        actions: list[Action] = []
        events: list[Event] = []
        for site, ecu, fault in self._faults.due(end_ns):
            actions += self._suffer(site, ecu, fault)
        for group, time_ns in self._schedule.batches(end_ns):
            crew = self._crew(group)
            role, ecus = crew.role, crew.ecus
            self._reached_ns[ecus.site] = time_ns
            self.advance(self._reached_ns)
            outputs = role.step(crew.rows, self._inputs(crew, time_ns, sensed[role.firmware.role]))
            if outputs.running is not None:
                events += _crashes(crew, time_ns, outputs.crashed)
                crew, time_ns = crew.only(outputs.running), time_ns[outputs.running]
                ecus = crew.ecus
            done_ns = time_ns + self._execution_ns
            self._messages.send(self._buses, outputs.frames, ecus, done_ns)
            actions += _actions(role, crew.rows, ecus, outputs.commands, done_ns)
            if outputs.findings is not None:
                events += _events(role, crew.rows, ecus, time_ns, outputs.findings, self._modules)
        self._reached_ns[:] = end_ns - 1
        self.advance(self._reached_ns)
        return actions, events

    def _suffer(self, site: int, ecu: int, change: Change) -> Iterator[Action]:
        """Let an ECU begin or cease to suffer a fault; yield what its outputs do by themselves."""
        role = self._roles[self._schedule.role(ecu)]
        which = self._index_in_role[ecu]
        row = np.array([site * role.per_site + which])
        fault, begins = change
        match fault.kind:
            case "reset" | "hang":
                if begins:
                    self._schedule.pause(site, ecu, fault.time_ns, fault.end_ns)
                if fault.kind == "reset" and begins:
                    ecus = Ecus(np.array([site]), role.pack[[which]], role.slot[[which]])
                    released = {name: np.zeros((1, *reach.shape)) for name, reach in role.firmware.commands.items()}
                    yield from _actions(role, row, ecus, released, np.array([fault.time_ns]))
                    role.restart(row)
            case "slow":
                self._schedule.stretch(site, ecu, fault.value if begins else 1.0 / fault.value)
            case "drift":
                self._schedule.stretch(site, ecu, 1.0 - (fault.value if begins else -fault.value) * 1e-6)
            case "stale" | "anonymous":
                role.spoilt[fault.kind][row] = begins
            case "clear" | "early_close":
                if begins:
                    role.service(row, fault.kind, fault.value)
            case "capacity":
                role.service(row, fault.kind, fault.value if begins else 1.0 / fault.value)

    def _crew(self, group: Group) -> Crew:
        """Return the ECUs of a group; it is the same one tick after the other, until two of a site swap their order."""
        if group not in self._crews:
            role, which = self._roles[group.role], self._index_in_role[group.ecu]
            ecus = Ecus(group.site, role.pack[which], role.slot[which])
            self._crews[group] = Crew(role, ecus, which, group.site * role.per_site + which)
        return self._crews[group]

    def _inputs(self, crew: Crew, time_ns: IntArray, sensed: Mapping[str, NDArray[Any]]) -> Inputs:
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
    """Yield an action for every set-point that changed."""
    for actuator, wanted in commands.items():
        changed = role.changed(actuator, rows, wanted)
        if not changed.any():
            continue
        row, *inner = changed.nonzero()
        slot = ecus.slot[row] + (inner.pop(0) if role.firmware.commands[actuator].slots else 0)
        yield from map(
            Action,
            time_ns[row].tolist(),
            ecus.site[row].tolist(),
            repeat(actuator),
            wanted[changed].tolist(),
            slot.tolist(),
            inner[0].tolist() if inner else repeat(-1),
        )


def _crashes(crew: Crew, time_ns: IntArray, crashed: Sequence[tuple[int, str]]) -> Iterator[Event]:
    """Yield an event for every ECU whose program has failed."""
    firmware, ecus = crew.role.firmware, crew.ecus
    for row, why in crashed:
        slot = int(ecus.slot[row]) if firmware.scope == "module" else -1
        pack = int(ecus.pack[row]) if firmware.scope != "site" else -1
        name = firmware.role.replace("_", " ")
        yield Event(
            int(time_ns[row]),
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


def _events(
    role: Role, rows: IntArray, ecus: Ecus, time_ns: IntArray, findings: Findings, modules: int
) -> Iterator[Event]:
    """Yield an event for every code whose level changed; a pack has so many ``modules``."""
    stale = role.spoilt["stale"][rows]
    level = findings.level
    if stale.any():
        level = np.where(stale[:, None], np.maximum(level, role.level[rows]), level)
    changed = role.level[rows] != level
    if not changed.any():
        return
    role.level[rows] = level
    slots, cells = (np.broadcast_to(where, changed.shape) for where in (findings.slot, findings.cell))
    for row, column in np.argwhere(changed):
        code, now = role.firmware.codes[column], Level(int(level[row, column]))
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
