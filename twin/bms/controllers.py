"""All ECUs of a cohort: when each runs, what it reads, and what becomes of what it puts out.

An ECU runs one version of its role's firmware, or is silent: while it boots, or since its program has crashed, its
watchdog has bitten, or its power is off. What it commanded holds while it boots, since the drivers of contactors and
resistors keep their state over a warm reset, and its bus controller goes on receiving. What it boots next is decided
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.bms import ecu_outputs
from twin.bms.architectures.architecture import Architecture
from twin.bms.ecu_faults import Change, EcuFaults
from twin.bms.effects import EcuFault
from twin.bms.events import Event, Failure
from twin.bms.firmware.firmware import Contents, Findings, Firmware, Inputs, Outputs
from twin.bms.leads import OF_A_MODULE
from twin.bms.messages import Ecus, MessageTable
from twin.bms.programs import Crew, Crews, Program, Role
from twin.bms.schedule import Group, Schedule
from twin.bms.silences import Agenda, Boot, Silences, Stop
from twin.network.engines.engine import Engine
from twin.plant.action import Action, Actuator

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

FOREVER = 2**62
"""Later than any run."""
SILENT = -1
WATCHDOG_PERIODS = 3
"""A task that has not come to its end after so many periods does not come to it any more: the watchdog bites."""
_BATCH_WORK = 7
"""What a batch costs whatever its firmware does, in message types that it reads or sends (measured)."""


class Controllers:
    """Steps the ECUs of all sites through one tick after the other.

    ``versions[role]`` are what its ECUs may run, its own firmware first; a role that is absent has only that.
    ``running[site, ecu]`` is the version that runs, SILENT if none does; ``restarts[site, ecu]`` how often it has begun
    anew; ``ran_ns[site, ecu]`` its last activation, -1: none yet. ECUs are counted as in ``Architecture.ecus``.
    """

    def __init__(
        self,
        architecture: Architecture,
        schedule: Schedule,
        messages: MessageTable,
        buses: Engine,
        memory: Mapping[str, Mapping[str, FloatArray]],
        sites: int,
        mishaps: Sequence[EcuFault] = (),
        versions: Mapping[str, Sequence[Firmware[Any]]] = MappingProxyType({}),
    ) -> None:
        self.ecus = architecture.ecus()
        self.running = np.zeros((sites, len(self.ecus)), np.int64)
        self.restarts = np.zeros((sites, len(self.ecus)), np.int64)
        self.ran_ns = np.full((sites, len(self.ecus)), -1, np.int64)
        self._schedule = schedule
        self._messages = messages
        self._buses = buses
        self.advance: Callable[[IntArray], None] = buses.advance
        """Brings each site's buses to its own ``until_ns[site]``; who has more to do in between takes its place."""
        self.send: Callable[[Mapping[str, Contents], Ecus, IntArray], None] = partial(messages.send, buses)
        """Queues the frames of ECUs, each one's at its own ``time_ns``."""
        self._reached_ns = np.zeros(sites, np.int64)
        self._modules = architecture.site.modules
        self._faults = EcuFaults(self.ecus, mishaps, modules=self._modules)
        self._execution_ns = round(architecture.options.execution_s * 1e9)
        self._period_ns = round(architecture.options.period_s * 1e9)
        self._roles = [
            Role(
                one,
                [ecu for ecu in self.ecus if ecu.role == one.role],
                sites,
                memory.get(one.role, {}),
                replaced=one.role in architecture.replaced,
            )
            for one in architecture.firmware()
        ]
        for name, others in versions.items():
            for firmware in others[1:]:
                self.add_version(name, firmware)
        schedule.weigh([_BATCH_WORK + len(one.firmware.reads) + len(one.firmware.sends) for one in self._roles])
        self._crews = Crews(self.ecus, self._roles)
        self._agenda, self._silences = Agenda(), Silences(sites, len(self.ecus))
        self._off = np.zeros(sites, np.bool_)
        self._failures: list[Failure] = []

    def add_version(self, role: str, firmware: Firmware[Any]) -> int:
        """Let the ECUs of a role be able to boot another version, and return its number."""
        return next(one for one in self._roles if one.firmware.role == role).add(firmware)

    def believes(self, name: str) -> bool:
        """Return whether any ECU tells of this belief."""
        return any(name in role.believes for role in self._roles)

    def beliefs(self, name: str) -> FloatArray:
        """Return what the ECUs of the role that holds it believe, ``[site, ECU or slot, ...]``; NaN where none runs."""
        role = next(role for role in self._roles if name in role.believes)
        return role.by_site(role.beliefs[name], role.believes[name])

    def commanded(self, actuator: Actuator) -> FloatArray | None:
        """Return the set-points that the ECUs hold, ``[site, ECU or slot, ...]``; None where no ECU has the actuator.

        NaN before the first activation.
        """
        role = next((role for role in self._roles if actuator in role.reach), None)
        return None if role is None else role.by_site(role.commands[actuator], role.reach[actuator])

    def unplug(self, site: int, slot: int, time_ns: int) -> None:
        """Take the ECU of a module away with its module."""
        self._forget(site, slot)
        for index in self._crews.ecus_of_module(slot):
            self._schedule.pause(site, index, time_ns, FOREVER)

    def plug_in(self, site: int, slot: int, time_ns: int, memory: Mapping[str, float] | None = None) -> None:
        """Switch on the ECU of a module that has joined, which remembers ``memory``, or what it was when unplugged.

        It runs the version that the place has.
        """
        self._forget(site, slot)
        for index in self._crews.ecus_of_module(slot):
            role, row = self._crews.row(site, index)
            if memory is None:
                role.restart(row)
            else:
                role.replace(row, memory)
            self.running[site, index] = role.version[row]
            self._schedule.resume(site, index, time_ns)

    def boot(self, site: int, ecu: int, version: int, time_ns: int, *, silent_ns: int, migrate: bool) -> None:
        """Let an ECU be silent from ``time_ns`` for ``silent_ns``, and then run ``version``.

        ``time_ns`` is not before the end of the last tick, and the boot not before that of the tick in which the
        silence begins. ``migrate``: it goes on from the state of what it ran before; otherwise it begins as after
        power-on. A version that raises instead has crashed.
        """
        if self.running[site, ecu] != SILENT:
            self._agenda.stop(Stop(time_ns, site, ecu, off=False))
        self._agenda.boot(Boot(time_ns + silent_ns, site, ecu, version, migrate))
        self._off[site] = False

    def power_off(self, site: int, time_ns: int) -> None:
        """Let all ECUs of a site be silent from ``time_ns`` on, their drivers released, until each is booted again."""
        for ecu in range(len(self.ecus)):
            self._agenda.stop(Stop(time_ns, site, ecu, off=True))
        self._off[site] = True

    def take_failures(self) -> list[Failure]:
        """Return the programs that have ended since the last call, in the order of (time, site, ECU)."""
        taken, self._failures = sorted(self._failures), []
        return taken

    def healthy(self, site: int, ecu: int, since_ns: int) -> bool:
        """Return whether an ECU runs, has run since ``since_ns``, and says of itself that it is well."""
        if self.running[site, ecu] == SILENT or self.ran_ns[site, ecu] < since_ns:
            return False
        role, row = self._crews.row(site, ecu)
        return role.program_of(row).healthy(row)

    def pending(self) -> BoolArray:
        """Return at which sites some ECU is about to find something, ``[site]``."""
        sites = np.zeros(len(self.running), np.bool_)
        for role in self._roles:
            for program, rows in role.everyone():
                sites |= (program.pending() & rows).reshape(-1, role.per_site).any(axis=1)
        return sites

    def close(self) -> None:
        """Free what firmware holds."""
        for role in self._roles:
            role.close()

    def stop(self, site: int) -> None:
        """Run no ECU of this site any more."""
        self._schedule.stop(site)

    def run_until(
        self,
        end_ns: int,
        sensed: Mapping[str, Mapping[str, NDArray[Any]]],
        rows: IntArray | None = None,
        *,
        once: bool = False,
    ) -> tuple[list[Action], list[Event]]:
        """Run every activation before ``end_ns`` at the sites ``rows`` (None: all), and the buses between them.

        ``once``: of each ECU only the first one; the others are as if they had taken place.
        ``sensed[role][name]`` is ``[site, ECU of the role, ...]``. Returns the set-points that
        changed, each with its own instant, which may lie past ``end_ns``, and the events.
        """
        actions: list[Action] = []
        events: list[Event] = []
        served = self._served(rows)
        for site, ecu, fault in self._faults.due(end_ns, served):
            actions += self._suffer(site, ecu, fault)
        for boot in self._agenda.due_boots(end_ns, served, self.running):
            self._start(boot, actions, events)
        stops = self._agenda.due_stops(end_ns, served)
        for one in stops:
            self._silences.begin(one.site, one.ecu, one.time_ns)
        for group, time_ns in self._batches(end_ns, rows, once=once):
            self._reached_ns[group.site] = time_ns
            self.advance(self._reached_ns)
            for some, crew in self._crews.of_group(group):
                self._activate(crew, time_ns if some is None else time_ns[some], sensed, actions, events)
        for one in stops:
            actions = self._stopped(one, actions)
        self._silences.hand_over(self._schedule)
        self._reached_ns[slice(None) if rows is None else rows] = end_ns - 1
        self.advance(self._reached_ns)
        return actions, events

    def _served(self, rows: IntArray | None) -> BoolArray | None:
        if rows is None:
            return None
        served = np.zeros(len(self.running), np.bool_)
        served[rows] = True
        return served

    def _batches(self, end_ns: int, rows: IntArray | None, *, once: bool) -> Iterator[tuple[Group, IntArray]]:
        """Yield the activations that take place."""
        for group, time_ns in self._schedule.batches(end_ns, rows, once=once):
            awake = self._silences.awake(group.site, group.ecu, time_ns)
            if awake is None:
                yield group, time_ns
            elif len(awake):
                some = {part.name: getattr(group, part.name)[awake] for part in fields(group) if part.name != "role"}
                yield replace(group, **some), time_ns[awake]

    def _activate(
        self,
        crew: Crew,
        time_ns: IntArray,
        sensed: Mapping[str, Mapping[str, NDArray[Any]]],
        actions: list[Action],
        events: list[Event],
    ) -> None:
        """Run a version in some ECUs, and let happen what it puts out."""
        self.ran_ns[crew.ecus.site, crew.ecu] = time_ns
        try:
            outputs = crew.program.step(crew.rows, self._inputs(crew, time_ns, sensed[crew.role.firmware.role]))
        except Exception as error:
            if not crew.program.guarded:
                raise
            if len(time_ns) == 1:
                events.append(self._failed(crew, 0, int(time_ns[0]), f"{type(error).__name__}: {error}"))
                return
            middle = len(time_ns) // 2  # whose program it is that raises, they do not say together
            for some in (np.arange(middle), np.arange(middle, len(time_ns))):
                self._activate(crew.only(some), time_ns[some], sensed, actions, events)
            return
        crew.role.believe(crew.program, crew.rows, outputs)
        if outputs.running is not None:
            events += [self._failed(crew, row, int(time_ns[row]), why) for row, why in outputs.crashed]
            crew, time_ns = crew.only(outputs.running), time_ns[outputs.running]
        done_ns = time_ns + self._execution_ns
        if outputs.execution_ns is not None:
            done_ns = time_ns + outputs.execution_ns
            bitten = self._overruns(crew, time_ns, outputs.execution_ns, events)
            if len(bitten):
                some = np.setdiff1d(np.arange(len(time_ns)), bitten)
                crew, time_ns, done_ns, outputs = crew.only(some), time_ns[some], done_ns[some], outputs.only(some)
        self._put_out(crew, time_ns, done_ns, outputs, actions, events)

    def _put_out(
        self,
        crew: Crew,
        time_ns: IntArray,
        done_ns: IntArray,
        outputs: Outputs,
        actions: list[Action],
        events: list[Event],
    ) -> None:
        for repeat in range(crew.program.firmware.repeats):
            later_ns = repeat * self._period_ns // crew.program.firmware.repeats
            self.send(outputs.frames, crew.ecus, done_ns + later_ns if later_ns else done_ns)
        actions += ecu_outputs.actions(crew, outputs.commands, done_ns)
        if outputs.findings is not None:
            events += ecu_outputs.found(crew, time_ns, outputs.findings, self._modules)

    def _overruns(self, crew: Crew, time_ns: IntArray, execution_ns: IntArray, events: list[Event]) -> IntArray:
        """Let tasks that take longer than a period delay the next one; return those that the watchdog has ended."""
        hung = execution_ns >= WATCHDOG_PERIODS * self._period_ns
        for row in np.flatnonzero((execution_ns >= self._period_ns) & ~hung).tolist():
            begun_ns = int(time_ns[row])
            done_ns = begun_ns + int(execution_ns[row])
            self._silences.begin(int(crew.ecus.site[row]), int(crew.ecu[row]), begun_ns + 1, done_ns)
        for row in np.flatnonzero(hung).tolist():
            bite_ns = int(time_ns[row]) + WATCHDOG_PERIODS * self._period_ns
            why = f"its task ran for {WATCHDOG_PERIODS} periods without an end, and its watchdog bit"
            events.append(self._failed(crew, row, int(time_ns[row]), why, bite_ns))
        return np.flatnonzero(hung)

    def _failed(self, crew: Crew, row: int, time_ns: int, why: str, told_ns: int | None = None) -> Event:
        """Let an ECU be silent whose program has ended at ``time_ns``, and return the event."""
        site, ecu = int(crew.ecus.site[row]), int(crew.ecu[row])
        told_ns = time_ns if told_ns is None else told_ns
        self._silences.begin(site, ecu, time_ns + 1)
        self._silence(site, ecu)
        self._failures.append(Failure(told_ns, site, ecu, why))
        return ecu_outputs.failure(crew, row, told_ns, why)

    def _silence(self, site: int, ecu: int) -> None:
        role, row = self._crews.row(site, ecu)
        self.running[site, ecu] = SILENT
        role.forget_beliefs(np.array([row]))

    def _stopped(self, stop: Stop, actions: list[Action]) -> list[Action]:
        """Let an ECU be silent; return what was commanded until then, and what its drivers do without power."""
        self._silence(stop.site, stop.ecu)
        if not stop.off:
            return actions
        crew, time_ns = self._crews.of_one(stop.site, stop.ecu), np.array([stop.time_ns])
        for held in crew.role.commands.values():
            held[crew.rows] = np.nan  # whether the last command still landed is not known
        until_then = [one for one in actions if one.site != stop.site or one.time_ns <= stop.time_ns]
        return [*until_then, *ecu_outputs.released(crew, crew.role.reach, time_ns)]

    def _start(self, boot: Boot, actions: list[Action], events: list[Event]) -> None:
        """Let an ECU run a version."""
        role, row = self._crews.row(boot.site, boot.ecu)
        before = role.program_of(row)
        time_ns = max(boot.time_ns, int(self._reached_ns[boot.site]) + 1)
        self._crews.regroup()
        try:
            role.boot(row, boot.version, migrate=boot.migrate)
        except Exception as error:
            if not before.guarded and not boot.version:
                raise
            why = f"{type(error).__name__} when it began: {error}"
            self._failures.append(Failure(time_ns, boot.site, boot.ecu, why))
            events.append(ecu_outputs.failure(self._crews.of_one(boot.site, boot.ecu), 0, time_ns, why))
            return
        self.running[boot.site, boot.ecu] = boot.version
        self.restarts[boot.site, boot.ecu] += 1
        self._schedule.resume(boot.site, boot.ecu, time_ns)
        crew, now = self._crews.of_one(boot.site, boot.ecu), np.array([time_ns])
        if before is not crew.program:
            events += self._forgotten(crew, before, now)
            gone = {name: None for name in before.firmware.commands if name not in crew.program.firmware.commands}
            actions += ecu_outputs.released(crew, gone, now)

    def _forgotten(self, crew: Crew, before: Program, time_ns: IntArray) -> Iterator[Event]:
        """Carry findings over to a new version, and tell those as cleared that it does not know."""
        row = int(crew.rows[0])
        lost = crew.role.take_over_findings(row, before, crew.program)
        if not before.level[row, lost].any():
            return iter(())
        shape = 1, len(lost)
        level = np.where(lost, 0, before.level[row]).astype(np.int8)[None]
        nowhere, unknown = np.broadcast_to(crew.ecus.slot[:, None], shape), np.full(shape, np.nan)
        findings = Findings(level, nowhere, np.full(shape, -1), unknown, np.full(shape, -1))
        return ecu_outputs.found(crew._replace(program=before), time_ns, findings, self._modules)

    def _suffer(self, site: int, ecu: int, change: Change) -> Iterator[Action]:
        """Let an ECU begin or cease to suffer a fault; yield what its outputs do by themselves."""
        role, row = self._crews.row(site, ecu)
        fault, begins = change
        match fault.kind:
            case "reset":
                if begins:
                    yield from self._reset(site, ecu, fault)
            case "hang":
                if begins:
                    self._schedule.pause(site, ecu, fault.time_ns, fault.end_ns)
            case "slow":
                self._schedule.stretch(site, ecu, fault.value if begins else 1.0 / fault.value)
            case "drift":
                self._schedule.stretch(site, ecu, 1.0 - (fault.value if begins else -fault.value) * 1e-6)
            case "stale" | "anonymous":
                role.spoilt[fault.kind][row] = begins
            case "clear" | "early_close":
                if begins:
                    role.program_of(row).service(np.array([row]), fault.kind, fault.value)
            case "capacity":
                factor = fault.value if begins else 1.0 / fault.value
                role.program_of(row).service(np.array([row]), fault.kind, factor)

    def _reset(self, site: int, ecu: int, fault: EcuFault) -> Iterator[Action]:
        """Let an ECU lose its supply until the fault's end; one whose program has crashed comes back by it."""
        if self._off[site] or self._agenda.boots(site, ecu):
            return
        role, row = self._crews.row(site, ecu)
        crew = self._crews.of_one(site, ecu)
        yield from ecu_outputs.released(crew, crew.program.firmware.commands, np.array([fault.time_ns]))
        if self.running[site, ecu] == SILENT:
            self._agenda.boot(Boot(fault.end_ns, site, ecu, int(role.version[row]), migrate=False))
            return
        self._schedule.pause(site, ecu, fault.time_ns, fault.end_ns)
        role.restart(row)
        self.restarts[site, ecu] += 1

    def _forget(self, site: int, slot: int) -> None:
        """Command everything of a slot anew: who has been unplugged does not know what it was told."""
        for role in self._roles:
            for name, reach in role.reach.items():
                if name in OF_A_MODULE:
                    role.by_site(role.commands[name], reach)[site, slot] = np.nan

    def _inputs(self, crew: Crew, time_ns: IntArray, sensed: Mapping[str, NDArray[Any]]) -> Inputs:
        firmware, ecus = crew.program.firmware, crew.ecus
        return Inputs(
            time_ns,
            ecus.slot,
            {name: values[ecus.site, crew.which] for name, values in sensed.items()},
            self._messages.read(self._buses, firmware.reads, firmware.scope, ecus),
        )
