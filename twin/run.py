"""The loop: one SimPy process serves a tick, and a tick is six numbered stages."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping
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
from twin.plant.action import Action, Change, Replacement

FloatArray = NDArray[np.float64]
Status = Literal["complete", "interrupted"]
Timed = TypeVar("Timed", Change, Event)


class Run:
    """One execution of a world; ``stop`` ends it after the tick that is under way."""

    def __init__(self, world: World, log: Log, on_tick: Callable[[int], None] = lambda _: None) -> None:
        self._world = world
        self._log = log
        self._on_tick = on_tick
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
        step_ns = self._world.fleet.step_ns
        for index in range(self._world.fleet.ticks):
            if self._stopped:
                return False
            self.tick(env.now, env.now + step_ns)
            self._on_tick(index + 1)
            yield env.timeout(step_ns)
        return True

    def tick(self, start_ns: int, end_ns: int) -> None:
        """Advance the world from ``start_ns`` to ``end_ns``."""
        world, plant = self._world, self._world.plant
        # 1 Faults and events that are due, and what the outside world asks for.
        events = _before(end_ns, self._to_tell)
        self._begin(_before(end_ns, self._to_come))
        world.surroundings.sample(start_ns)
        plant.request_W[:] = world.dispatch.request_W(world.surroundings.seen(self._told_soc()))
        plant.ambient_K[:] = world.surroundings.ambient_K
        # 2 Sensors, sampled now and held.
        sensed = self._sense(start_ns)
        # 3 ECU activations, each at its own instant, and the buses between them.
        for replay in world.replays:
            replay.send(world.buses, end_ns)
        commands, found = world.controllers.run_until(end_ns, sensed)
        found += [changed(change, world) for change in world.buses.take_changes()]
        commands, unheard = self._heard(world.leads.landed(commands), start_ns)
        # 4 is the place of OTA and campaign.
        # 5 The plant, in sub-steps only where an action falls inside.
        happened = plant.advance(start_ns, end_ns, self._due(commands, end_ns))
        for site in {event.site for event in happened if plant.failed[event.site]}:
            world.controllers.stop(site)
        # 6 Record.
        self._log.tick(end_ns, [*events, *found, *unheard, *map(told, happened)])

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

    def _told_soc(self) -> FloatArray:
        """Return the mean state of charge that the packs of each site believe in, ``[site]``; NaN before they do."""
        told = self._world.controllers.beliefs("pack_soc")
        known = ~np.isnan(told)
        count = known.sum(axis=1)
        return np.where(count > 0, np.where(known, told, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)

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

    def _due(self, commands: list[Action], end_ns: int) -> list[Change]:
        """Return the actions before ``end_ns``, and keep the rest."""
        self._pending += commands
        due = [action for action in self._pending if action.time_ns < end_ns]
        if due:
            self._pending = [action for action in self._pending if action.time_ns >= end_ns]
        return due

    def _sense(self, time_ns: int) -> Mapping[str, Mapping[str, NDArray[Any]]]:
        """Return what every role's sensors say: ``[site, ECU of the role, ...]``."""
        world, plant = self._world, self._world.plant
        duty = world.controllers.commanded("bleed")
        present = Present(
            plant.cell_voltage_V,
            plant.temperature_K,
            plant.current_A,
            plant.module_voltage_V,
            plant.link_voltage_V,
            plant.insulation_ohm,
            np.zeros_like(plant.soc) if duty is None else np.nan_to_num(duty),
        )
        measured = world.sensing.sample(time_ns, present)
        world.balancing_noise.update(time_ns, duty)
        return world.sensor_wiring.read(time_ns, measured, Outside(plant.terminal_voltage_V, plant.bar_voltage_V))


def _before(end_ns: int, coming: deque[Timed]) -> list[Timed]:
    """Take what comes before ``end_ns`` off the head of what is in the order of time."""
    taken: list[Timed] = []
    while coming and coming[0].time_ns < end_ns:
        taken.append(coming.popleft())
    return taken
