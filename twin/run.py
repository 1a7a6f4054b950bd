"""The loop: one SimPy process serves a tick, and a tick is six numbered stages.

With a pace a tick is long, and sites go through it in strides: quiet ones in one step, others in shorter ones. Sites do
not act on each other within a tick, so one stride after the other is taken to the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
import simpy
from numpy.typing import NDArray

from twin.bms.codes import Level
from twin.bms.events import Event
from twin.bms.sensing import Present
from twin.bms.sensor_wiring import Outside
from twin.build import World
from twin.log import Log, changed, told
from twin.ota.server import UpdateServer
from twin.pace import Pacing, Stride
from twin.plant.action import Action, Change, Replacement
from twin.telemetry import Telemetry

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Status = Literal["complete", "interrupted"]
Timed = TypeVar("Timed", Change, Event)


class Run:
    """One execution of a world, by its own step or a ``pacing``; ``stop`` ends it after the tick that is under way."""

    def __init__(
        self,
        world: World,
        log: Log,
        on_tick: Callable[[int], None] = lambda _: None,
        pacing: Pacing | None = None,
        server: UpdateServer | None = None,
    ) -> None:
        self._world = world
        self._server = server
        self._telemetry = Telemetry(world)
        self._log = log
        self._on_tick = on_tick
        self._pacing = pacing
        self._even = [Stride(None, world.fleet.step_ns)]
        self._to_come = deque(world.fleet.actions)
        self._to_tell = deque(world.injected)
        self._pending: list[Change] = []
        self._actuators = world.plant.actuators
        self._unheard: set[tuple[int, str]] = set()
        self._stopped = False

    def stop(self) -> None:
        """Stop after the tick that is under way."""
        self._stopped = True

    def execute(self) -> Status:
        """Run to the end, or until stopped."""
        env = simpy.Environment(initial_time=0)
        complete = env.run(env.process(self._ticks(env)))
        self._log.finish()
        return "complete" if complete else "interrupted"

    def _ticks(self, env: simpy.Environment) -> Generator[Any, Any, bool]:
        """Serve every tick; the process's value is whether it came to the end."""
        tick_ns = self._world.fleet.tick_ns
        for index in range(self._world.fleet.ticks):
            if self._stopped:
                return False
            self.tick(env.now, env.now + tick_ns)
            self._on_tick(index + 1)
            yield env.timeout(tick_ns)
        return True

    def tick(self, start_ns: int, end_ns: int) -> None:
        """Advance the world from ``start_ns`` to ``end_ns``, and log what happened."""
        decided = self._meet(start_ns)
        injected = _before(end_ns, self._to_tell)
        events = [*injected]
        for replay in self._world.replays:
            replay.send(self._world.buses, end_ns)
        for stride in self._strides(start_ns, end_ns):
            for begin_ns in range(start_ns, end_ns, stride.step_ns):
                events += self._step(begin_ns, begin_ns + stride.step_ns, stride, injected)
        if self._pacing:
            self._world.plant.age(end_ns)
            self._pacing.note(events)
        # 6 Record.
        self._log.tick(end_ns, [*decided, *events])

    def _step(self, start_ns: int, end_ns: int, stride: Stride, injected: Sequence[Event]) -> list[Event]:
        """Take the sites of a stride from ``start_ns`` to ``end_ns``; return what happened.

        ``injected``: what the scenario does in the tick; what a service tool does of it, whoever watches knows.
        """
        world, plant, rows = self._world, self._world.plant, stride.rows
        # 1 Faults and events that are due, and what the outside world asks for.
        self._begin(_before(end_ns, self._to_come))
        self._ask(stride.looked_ns(start_ns), rows)
        if world.rollout:
            world.rollout.before(end_ns, rows)
        # 2 Sensors, sampled now and held.
        sensed = self._sense(start_ns, rows)
        # 3 ECU activations, each at its own instant, and the buses between them.
        commands, found = self._control(start_ns, end_ns, sensed, stride)
        commands, unheard = self._heard(world.leads.landed(commands), start_ns)
        # 4 Update clients, upon what has happened since the tick's begin.
        updates = world.rollout.step(end_ns, rows, self._telemetry.view(rows)) if world.rollout else []
        # 5 The plant, in sub-steps only where an action falls inside.
        happened = plant.advance(start_ns, end_ns, self._due(commands, end_ns, rows), rows)
        for site in {event.site for event in happened if plant.failed[event.site]}:
            world.controllers.stop(site)
        events = [*found, *unheard, *updates, *map(told, happened)]
        due = [event for event in injected if start_ns <= event.time_ns < end_ns]
        self._watch(start_ns, end_ns, rows, [*due, *events])
        return events

    def _meet(self, time_ns: int) -> list[Event]:
        """Let sites and update server talk, where it is time for that; return what the server decides."""
        rollout, server = self._world.rollout, self._server
        return rollout.ask(time_ns, server) if rollout and server else []

    def _watch(self, start_ns: int, end_ns: int, rows: IntArray | None, events: list[Event]) -> None:
        """Show the sites whose behaviour is watched to whoever watches."""
        rollout = self._world.rollout
        if rollout is None:
            return
        watched = rollout.watch.rows if rows is None else np.intersect1d(rollout.watch.rows, rows)
        if len(watched):
            rollout.watch.see(self._telemetry.observation(start_ns, end_ns, watched, events))

    def _strides(self, start_ns: int, end_ns: int) -> list[Stride]:
        """Return who goes how through a tick."""
        if self._pacing is None:
            return self._even
        if self._world.rollout:
            self._pacing.wake(np.flatnonzero(self._world.rollout.wants_short(end_ns)), end_ns)
        self._ask((start_ns + end_ns) // 2, None)
        return self._pacing.strides(start_ns, end_ns, self._world.plant.request_W)

    def _ask(self, time_ns: int, rows: IntArray | None) -> None:
        """Let the outside world ask for power, as at ``time_ns``, and surround the sites."""
        world, plant = self._world, self._world.plant
        where = slice(None) if rows is None else rows
        world.surroundings.sample(time_ns, rows)
        plant.request_W[where] = world.dispatch.request_W(world.surroundings.seen(self._telemetry.soc()))[where]
        plant.ambient_K[where] = world.surroundings.ambient_K[where]

    def _control(
        self, start_ns: int, end_ns: int, sensed: Mapping[str, Mapping[str, NDArray[Any]]], stride: Stride
    ) -> tuple[list[Action], list[Event]]:
        """Run the ECUs of a stride; where each is activated once, let its round of frames stand for the others."""
        world = self._world
        before = world.rounds.begin(stride.rows) if stride.once and stride.rows is not None else None
        commands, found = world.controllers.run_until(end_ns, sensed, stride.rows, once=stride.once)
        if before:
            world.rounds.repeat(before, start_ns, *world.schedule.passed_over(before.rows))
        return commands, found + [changed(change, world) for change in world.buses.take_changes()]

    def _begin(self, changes: list[Change]) -> None:
        """Keep changes for the plant; ECUs go with the modules that are unplugged, and come with those that join."""
        self._pending += changes
        controllers = self._world.controllers
        for change in changes:
            if isinstance(change, Replacement):
                controllers.plug_in(change.site, change.slot, change.time_ns, {"soc": change.soc})
            elif change.actuator == "present" and change.value:
                controllers.plug_in(change.site, change.slot, change.time_ns)
            elif change.actuator == "present":
                controllers.unplug(change.site, change.slot, change.time_ns)

    def _heard(self, commands: list[Action], time_ns: int) -> tuple[list[Action], list[Event]]:
        """Return the commands that the plant can follow; those that no FMU has an input for are told once a site."""
        unheard = {(one.site, one.actuator): None for one in commands if one.actuator not in self._actuators}
        if not unheard:
            return commands, []
        events = []
        for site, actuator in unheard:
            if (site, actuator) not in self._unheard:
                self._unheard.add((site, actuator))
                text = f"the BMS commands {actuator!r}, which no FMU has as an input: it has no effect"
                events.append(Event(time_ns, site, -1, -1, Level.INFO, "no_actuator", "plant", text))
        return [one for one in commands if one.actuator in self._actuators], events

    def _due(self, commands: list[Action], end_ns: int, rows: IntArray | None) -> list[Change]:
        """Return the actions before ``end_ns`` at the sites ``rows`` (None: all), and keep the rest."""
        self._pending += commands
        if rows is None:
            due = [action for action in self._pending if action.time_ns < end_ns]
        else:
            served = np.zeros(self._world.fleet.wiring.sites, np.bool_)
            served[rows] = True
            due = [action for action in self._pending if action.time_ns < end_ns and served[action.site]]
        if due:
            taken = set(map(id, due))
            self._pending = [action for action in self._pending if id(action) not in taken]
        return due

    def _sense(self, time_ns: int, rows: IntArray | None) -> Mapping[str, Mapping[str, NDArray[Any]]]:
        """Return what every role's sensors say: ``[site, ECU of the role, ...]``."""
        world, plant = self._world, self._world.plant
        where = slice(None) if rows is None else rows
        duty = world.controllers.commanded("bleed")
        present = Present(
            plant.cell_voltage_V[where],
            plant.temperature_K[where],
            plant.current_A[where],
            plant.module_voltage_V[where],
            plant.link_voltage_V[where],
            plant.insulation_ohm[where],
            np.zeros_like(plant.soc[where]) if duty is None else np.nan_to_num(duty[where]),
        )
        measured = world.sensing.sample(time_ns, present, rows)
        world.balancing_noise.update(time_ns, duty, rows)
        outside = Outside(plant.terminal_voltage_V, plant.bar_voltage_V)
        return world.sensor_wiring.read(time_ns, measured, outside, rows)


def _before(end_ns: int, coming: deque[Timed]) -> list[Timed]:
    """Take what comes before ``end_ns`` off the head of what is in the order of time."""
    taken: list[Timed] = []
    while coming and coming[0].time_ns < end_ns:
        taken.append(coming.popleft())
    return taken
