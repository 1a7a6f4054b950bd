"""The only file that knows every part: a scenario becomes a world that the run loop can step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.bms.architectures.architecture import Architecture
from twin.bms.codes import Level
from twin.bms.controllers import Controllers
from twin.bms.effects import NEVER, EcuFault, Harness, Mishap
from twin.bms.events import Event
from twin.bms.firmware.firmware import Firmware
from twin.bms.leads import Leads
from twin.bms.messages import MessageTable
from twin.bms.rounds import Rounds
from twin.bms.schedule import Schedule
from twin.bms.sensing import Sensing
from twin.bms.sensor_wiring import SensorWiring
from twin.dispatch.dispatch import Dispatch
from twin.errors import InputError, Problem, attempt
from twin.faults.fault import Deviation, Effect
from twin.network.disturbances import Disturbance, Wire
from twin.network.engines.engine import Engine
from twin.network.replay import Replayed, Traffic
from twin.ota.rollout import Rollout
from twin.plant.action import Action, Actuator, Change
from twin.plant.assembly import open_plant
from twin.plant.plant import Plant
from twin.scenario import Fleet, Scenario, expand
from twin.scenario.architecture import architecture_of
from twin.scenario.profiles.profile import Window
from twin.site_buses import BalancingNoise, SiteBuses, open_buses
from twin.site_updates import Updates, open_rollout
from twin.streams import stream
from twin.surroundings import Surroundings

REMEMBERED_SOC_SD = 0.02
"""Error of the SOC that a monitor remembers from before it was switched off: a few percent after weeks of counting."""


@dataclass(frozen=True)
class World:
    """Every part of a cohort, ready for the first tick."""

    fleet: Fleet
    surroundings: Surroundings
    dispatch: Dispatch
    plant: Plant
    capacity_Ah: float
    """Of a module, nominal."""
    buses: Engine
    replays: tuple[Replayed, ...]
    balancing_noise: BalancingNoise
    messages: MessageTable
    schedule: Schedule
    controllers: Controllers
    rounds: Rounds
    leads: Leads
    sensing: Sensing
    sensor_wiring: SensorWiring
    rollout: Rollout | None
    """The updates of the sites, where a release is rolled out."""
    injected: tuple[Event, ...]
    """The truth about faults and replayed traces, for the log: what the BMS makes of them is another matter."""

    def close(self) -> None:
        """Free the FMUs."""
        self.plant.close()
        self.controllers.close()


def build(scenario: Scenario, sites: Sequence[int] | None = None) -> World:
    """Return the world of a scenario, or of some of its sites only; builds the FMUs that are missing.

    Raises InputError with every mistake that only the parts themselves can find (FMUs, ports, databases).
    """
    fleet = expand(scenario, sites)
    wiring, site_ids = fleet.wiring, fleet.site_ids.tolist()
    architecture = architecture_of(scenario)
    problems: list[Problem] = []
    updates = attempt(problems, lambda: Updates.of(scenario))
    network = attempt(problems, lambda: SiteBuses.of(scenario))
    plant = attempt(problems, lambda: _plant(scenario, fleet, architecture))
    if network is None or plant is None or problems:
        if plant:
            plant.close()
        raise InputError(problems)
    fleet = replace(fleet, actions=tuple(_isolating(fleet.actions, architecture)))
    unplugged, mishaps = _unplugged(fleet.mishaps, architecture)
    buses = open_buses(scenario, fleet, network.wires, unplugged)
    messages = MessageTable(network.wires, wiring.packs, wiring.modules)
    for traffic in network.replays:
        messages.silence(wiring.sites, traffic.rows(site_ids), traffic.layouts)
    schedule = _schedule(scenario, fleet, architecture)
    versions = updates.versions if updates else {}
    made = partial(_controllers, scenario, fleet, architecture, schedule, messages, buses, versions)
    controllers = attempt(problems, made)
    if controllers is None:
        plant.close()
        raise InputError(problems)
    rollout = open_rollout(scenario, fleet, updates, controllers, buses, network.wires) if updates else None
    return World(
        fleet,
        Surroundings(fleet, Window(scenario.start, fleet.duration_ns).since_midnight_ns),
        scenario.dispatch,
        plant,
        scenario.bms.capacity_Ah,
        buses,
        tuple(Replayed(traffic, network.wires, site_ids) for traffic in network.replays),
        BalancingNoise(mishaps, buses, network.wires),
        messages,
        schedule,
        controllers,
        Rounds(buses, network.wires, [ecu.node for ecu in architecture.ecus()]),
        Leads(mishaps),
        _sensing(scenario, fleet, mishaps),
        SensorWiring(architecture, wiring.sites),
        rollout,
        (*_replayed(fleet, network.replays), *_injected(fleet)),
    )


def _plant(scenario: Scenario, fleet: Fleet, architecture: Architecture) -> Plant:
    """Return the plant. Raises InputError where it cannot be made, or a fault acts on what it has not."""
    cells = {
        "capacity_Ah": fleet.capacity_Ah,
        "resistance_factor": fleet.resistance_factor,
        "soc_start": fleet.soc_start,
    }
    plant = open_plant(
        scenario.plant,
        fleet.wiring,
        cells,
        fleet.temperature_start_K,
        modules_fixed=not architecture.module_contactors,
        packs_fixed=not architecture.pack_contactors,
        soh=fleet.soh,
    )
    if problems := list(_impossible(scenario, plant, architecture)):
        plant.close()
        raise InputError(problems)
    return plant


def _impossible(scenario: Scenario, plant: Plant, architecture: Architecture) -> Iterator[Problem]:
    """Yield the faults, of any site, that act on an input that the FMUs of ``plant`` have not."""
    fmus = f"{scenario.plant.electrical} and {scenario.plant.thermal}"
    for index, fault in enumerate(scenario.faults):
        actions = [effect for effect in fault.effects() if isinstance(effect, Action)]
        landed = [action for action in _isolating(actions, architecture) if isinstance(action, Action)]
        for actuator in dict.fromkeys(action.actuator for action in landed):
            if actuator not in plant.actuators:
                message = f"{fault.kind} acts on {actuator!r}; found no such input among the ports of {fmus}"
                yield Problem(message, path=f"faults[{index}]")


def _isolating(actions: Sequence[Change], architecture: Architecture) -> Iterator[Change]:
    """Yield what faults do; those of a contactor that the architecture has not, to the one that isolates instead."""
    instead: dict[Actuator, Actuator] = {}
    if not architecture.module_contactors:
        instead["module_welded"] = "pack_welded"
    if not architecture.pack_contactors:
        instead["pack_welded"] = "module_welded"
    for action in actions:
        if isinstance(action, Action) and action.actuator in instead:
            yield replace(action, actuator=instead[action.actuator])
        else:
            yield action


def _unplugged(
    mishaps: Sequence[Mishap], architecture: Architecture
) -> tuple[tuple[Disturbance, ...], tuple[Mishap, ...]]:
    """Return the harnesses that are wires of the bus, as disturbances, and everything else that happens to the BMS."""
    nodes = {ecu.slot: ecu.node for ecu in architecture.ecus() if ecu.scope == "module"}
    wires = [one for one in mishaps if isinstance(one, Harness) and nodes]
    ends = [(one.time_ns, False, one) for one in wires]
    ends += [(one.end_ns, True, one) for one in wires if one.end_ns < NEVER]
    disturbances = [
        Wire(time_ns, one.site, node, connected=connected)
        for time_ns, connected, one in sorted(ends, key=lambda end: (end[0], not end[1]))
        for slot, node in nodes.items()
        if one.slot in (slot, -1)
    ]
    return tuple(disturbances), tuple(one for one in mishaps if one not in wires)


def _schedule(scenario: Scenario, fleet: Fleet, architecture: Architecture) -> Schedule:
    roles = list(dict.fromkeys(one.role for one in architecture.own_firmware()))
    numbers = [roles.index(ecu.role) for ecu in architecture.ecus()]
    bms = scenario.bms
    period_ns = round(bms.period_s * 1e9)
    return Schedule(numbers, period_ns, scenario.seed, fleet.site_ids, drift_ppm=bms.clock_drift_ppm)


def _controllers(
    scenario: Scenario,
    fleet: Fleet,
    architecture: Architecture,
    schedule: Schedule,
    messages: MessageTable,
    buses: Engine,
    versions: Mapping[str, Sequence[Firmware[Any]]],
) -> Controllers:
    firmware = architecture.firmware()
    soc = _remembered_soc(scenario.seed, fleet)
    of_pack = soc.reshape(-1, fleet.wiring.modules)
    memory = {one.role: {"soc": soc.ravel() if one.scope == "module" else of_pack} for one in firmware}
    suffered = [one for one in fleet.mishaps if isinstance(one, EcuFault)]
    return Controllers(architecture, schedule, messages, buses, memory, len(fleet.site_ids), suffered, versions)


def _replayed(fleet: Fleet, replays: Sequence[Traffic]) -> Iterator[Event]:
    """Yield what traces say on the buses of these sites, and what of them is left out."""
    for traffic in replays:
        text = traffic.told(fleet.duration_ns)
        for row in traffic.rows(fleet.site_ids.tolist()):
            yield Event(0, row, -1, -1, Level.INFO, "replay", "scenario", text, "the scenario says so")


def _injected(fleet: Fleet) -> tuple[Event, ...]:
    """Return the faults of these sites as events, in the order of time."""
    rows = {int(site): row for row, site in enumerate(fleet.site_ids)}
    events = [_told(fault.kind, effect, rows[fault.site]) for fault in fleet.faults for effect in fault.effects()]
    return tuple(sorted(events, key=lambda event: event.time_ns))


def _told(kind: str, effect: Effect, row: int) -> Event:
    time_ns = 0 if isinstance(effect, Deviation) else effect.time_ns
    slot, cell = getattr(effect, "slot", -1), getattr(effect, "cell", -1)
    place = (f"module {slot + 1}" if slot >= 0 else "") + (f" cell {cell + 1}" if cell >= 0 else "")
    text = f"{place}: fault injected, {effect.change}" if place else f"fault injected, {effect.change}"
    return Event(time_ns, row, slot, cell, Level.INFO, kind, "scenario", text, "the scenario says so")


def _remembered_soc(seed: int, fleet: Fleet) -> NDArray[np.float64]:
    """Return what each monitor remembers of its module's SOC, ``[site, slot]``."""
    slots = fleet.wiring.slots
    errors = [stream(seed, "site", int(site), "remembered soc").standard_normal(slots) for site in fleet.site_ids]
    return np.clip(fleet.soc_start.mean(axis=2) + REMEMBERED_SOC_SD * np.array(errors), 0.0, 1.0)


def _sensing(scenario: Scenario, fleet: Fleet, mishaps: Sequence[Mishap]) -> Sensing:
    wiring = fleet.wiring
    return Sensing(
        scenario.bms.sensors,
        scenario.seed,
        fleet.site_ids,
        wiring.slots,
        wiring.cells,
        mishaps,
        scenario.plant.bleed_ohm,
    )
