"""The only file that knows every part: a scenario becomes a world that the run loop can step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from twin import resources
from twin.bms import architectures
from twin.bms.architectures.architecture import Architecture, Site
from twin.bms.codes import Level
from twin.bms.controllers import Controllers
from twin.bms.events import Event
from twin.bms.messages import MessageTable, type_of
from twin.bms.needs import unmet
from twin.bms.ocv import OcvCurve
from twin.bms.schedule import Schedule
from twin.bms.sensing import Sensing
from twin.dispatch.dispatch import Dispatch, FloatArray, Seen
from twin.errors import InputError, Problem, attempt
from twin.faults.fault import Deviation, Effect
from twin.network.dbc.codec import MessageLayout
from twin.network.dbc.database import Database, bus_messages
from twin.network.disturbances import Disturbance
from twin.network.engines.engine import Engine
from twin.network.engines.registry import ENGINES
from twin.network.network import Message
from twin.network.options import Bus
from twin.network.replay import Replayed, Traffic
from twin.network.site import SiteNetwork, ecus_of, site_network
from twin.plant.action import Action
from twin.plant.assembly import open_plant
from twin.plant.plant import Plant, Wiring
from twin.plugins import discover
from twin.scenario import Fleet, Scenario, expand
from twin.scenario.profiles.profile import Window
from twin.streams import stream

REMEMBERED_SOC_SD = 0.02
"""Error of the SOC that a monitor remembers from before it was switched off: a few percent after weeks of counting."""


_HOUR_NS = 3600 * 10**9


class Surroundings:
    """What the outside world asks of each site and does to it, ``[site]`` each.

    ``load_W``, ``pv_W``, ``ambient_K``, ``price`` (over that of a flat hour), ``frequency_Hz``, ``schedule_W``.
    """

    def __init__(self, fleet: Fleet, since_midnight_ns: int) -> None:
        self._fleet = fleet
        self._since_midnight_ns = since_midnight_ns
        self._day, self._of_day = -1, np.ones(24)
        self.sample(0)

    def sample(self, time_ns: int) -> None:
        """Take the profiles' values at this instant."""
        self.load_W = self._fleet.load.at(time_ns)
        self.pv_W = self._fleet.pv.at(time_ns)
        self.ambient_K = self._fleet.ambient.at(time_ns)
        self.price = self._fleet.tariff.at(time_ns)
        self.frequency_Hz = self._fleet.frequency.at(time_ns)
        self.schedule_W = self._fleet.schedule.at(time_ns)
        self._local_ns = self._since_midnight_ns + time_ns

    def seen(self, soc: FloatArray) -> Seen:
        """Return what the sites' energy management sees, given the ``soc[site]`` that it was told."""
        day, of_day_ns = divmod(self._local_ns, 24 * _HOUR_NS)
        return Seen(
            self.load_W,
            self.pv_W,
            self.schedule_W,
            self.frequency_Hz,
            self._prices(day),
            of_day_ns / _HOUR_NS,
            soc,
        )

    def _prices(self, day: int) -> FloatArray:
        """Return the prices of the hours of a local day, ``[24]``; they are the same at all sites."""
        if day != self._day:
            midnight_ns = day * 24 * _HOUR_NS - self._since_midnight_ns
            self._day = day
            self._of_day = np.array([self._fleet.tariff.at(midnight_ns + hour * _HOUR_NS)[0] for hour in range(24)])
        return self._of_day


@dataclass(frozen=True)
class World:
    """Every part of a cohort, ready for the first tick."""

    fleet: Fleet
    surroundings: Surroundings
    dispatch: Dispatch
    plant: Plant
    buses: Engine
    replays: tuple[Replayed, ...]
    messages: MessageTable
    controllers: Controllers
    sensing: Sensing
    injected: tuple[Event, ...]
    """The truth about faults and replayed traces, for the log: what the BMS makes of them is another matter."""

    def close(self) -> None:
        """Free the FMUs."""
        self.plant.close()


def build(scenario: Scenario, sites: Sequence[int] | None = None) -> World:
    """Return the world of a scenario, or of some of its sites only; builds the FMUs that are missing.

    Raises InputError with every mistake that only the parts themselves can find (FMUs, ports, databases).
    """
    fleet = expand(scenario, sites)
    wiring = fleet.wiring
    architecture = architecture_of(scenario, wiring)
    problems: list[Problem] = []
    network = attempt(problems, lambda: SiteBuses.of(scenario, wiring))
    plant = attempt(problems, lambda: _plant(scenario, fleet))
    if network is None or plant is None:
        if plant:
            plant.close()
        raise InputError(problems)
    buses = _buses(scenario, fleet, network.wires)
    messages = MessageTable(network.wires, wiring.packs, wiring.modules)
    for traffic in network.replays:
        messages.silence(wiring.sites, traffic.rows(fleet.site_ids.tolist()), traffic.layouts)
    return World(
        fleet,
        Surroundings(fleet, Window(scenario.start, fleet.duration_ns).since_midnight_ns),
        scenario.dispatch,
        plant,
        buses,
        tuple(Replayed(traffic, network.wires, fleet.site_ids.tolist()) for traffic in network.replays),
        messages,
        _controllers(scenario, fleet, architecture, messages, buses),
        _sensing(scenario, fleet),
        (*_replayed(fleet, network.replays), *_injected(scenario, fleet)),
    )


def site_messages(scenario: Scenario, wiring: Wiring) -> tuple[MessageLayout, ...]:
    """Return the messages on the buses of a site, with the cycles in which they are sent.

    What firmware sends, it sends at every activation of its task; of anything else the database says how often.
    Raises InputError where the database is wrong, or lacks an ECU of the site.
    """
    sent = {kind for firmware in architecture_of(scenario, wiring).firmware() for kind in firmware.sends}
    task_ns = round(scenario.bms.period_s * 1e9)
    return tuple(
        replace(layout, cycle_ns=task_ns) if type_of(layout.name) in sent else layout
        for layout in bus_messages(Database.load(scenario.bus.database), wiring.packs, wiring.modules)
    )


@dataclass(frozen=True)
class SiteBuses:
    """What is the same on the buses of every site."""

    wires: SiteNetwork
    replays: tuple[Traffic, ...]

    @classmethod
    def of(cls, scenario: Scenario, wiring: Wiring) -> SiteBuses:
        """Return the network of a site, and the traces that are replayed on it.

        Raises InputError with everything in which database, options, traces, faults and firmware do not fit each other.
        """
        layouts = site_messages(scenario, wiring)
        problems = [
            *_unmet(scenario, wiring, layouts),
            *_nowhere(scenario, layouts),
            *_taken(scenario, layouts),
            *_no_sites(scenario),
        ]
        read = [attempt(problems, partial(Traffic.of, replay, layouts)) for replay in scenario.bus.replay]
        beside = _beside(scenario, read, problems)
        wires = attempt(problems, lambda: _wires(scenario, layouts, beside))
        if wires is None or problems:
            raise InputError(problems)
        return cls(wires, tuple(traffic for traffic in read if traffic))


def _unmet(scenario: Scenario, wiring: Wiring, layouts: Sequence[MessageLayout]) -> Iterator[Problem]:
    """Yield what the database lacks that the firmware needs."""
    if scenario.bus.database != Bus().database:
        known = bus_messages(Database.load(Bus().database), wiring.packs, wiring.modules)
        firmware = architecture_of(scenario, wiring).firmware()
        kinds = {kind for one in firmware for kind in (*one.reads, *one.sends)}
        yield from unmet(layouts, known, kinds, scenario.bus.database)


def _nowhere(scenario: Scenario, layouts: Sequence[MessageLayout]) -> Iterator[Problem]:
    """Yield the faults that name a node or message that is not on the buses."""
    nodes = [*ecus_of(layouts), *(replay.node for replay in scenario.bus.replay)]
    names = {"node": nodes, "message": [layout.name for layout in layouts]}
    for index, fault in enumerate(scenario.faults):
        found = [p for effect in fault.effects() if isinstance(effect, Disturbance) for p in effect.problems(names)]
        for problem in dict.fromkeys(found):
            yield replace(problem, path=f"faults[{index}].{problem.path}")


def _taken(scenario: Scenario, layouts: Sequence[MessageLayout]) -> Iterator[Problem]:
    """Yield the faults that send identifiers which are a message's of the database."""
    names = {(layout.identifier, layout.extended): layout.name for layout in layouts}
    for index, fault in enumerate(scenario.faults):
        for _, message in fault.messages():
            if name := names.get((message.identifier, message.extended)):
                found = (
                    f"found {message.identifier:#x}, the identifier of {name}; expected one that the database leaves"
                )
                yield Problem(f"{found} free", path=f"faults[{index}].identifier")


def _no_sites(scenario: Scenario) -> Iterator[Problem]:
    """Yield the sites of replayed traces that the fleet has not."""
    last = scenario.fleet.sites - 1
    expected = f"0 to {last}" if last else "0, the only one"
    for index, replay in enumerate(scenario.bus.replay):
        for place, site in enumerate(replay.sites or ()):
            if site > last:
                yield Problem(f"found {site}; expected {expected}", path=f"bus.replay[{index}].sites[{place}]")


def _beside(
    scenario: Scenario, replays: Sequence[Traffic | None], problems: Sequence[Problem]
) -> dict[tuple[str, Message], str]:
    """Return the messages beside the database's, with their senders, and what in the scenario wants each first.

    Faults that have problems already want none.
    """
    wrong = {(problem.path or "").partition(".")[0] for problem in problems}
    wanting = [(f"faults[{index}]", fault.messages()) for index, fault in enumerate(scenario.faults)]
    wanting = [(path, messages) for path, messages in wanting if path not in wrong]
    wanting += [(f"bus.replay[{index}]", one.messages()) for index, one in enumerate(replays) if one]
    beside: dict[tuple[str, Message], str] = {}
    for path, messages in wanting:
        for message in messages:
            beside.setdefault(message, path)
    return beside


def _wires(
    scenario: Scenario, layouts: Sequence[MessageLayout], beside: Mapping[tuple[str, Message], str]
) -> SiteNetwork:
    """Return the network; its problems with messages ``beside`` the database's are those of what wants them."""
    try:
        return site_network(layouts, scenario.bus, beside)
    except InputError as error:
        places = {message.name: path for (_, message), path in beside.items()}
        raise InputError(
            replace(problem, path=places.get(problem.path or "", problem.path)) for problem in error.problems
        ) from None


def _buses(scenario: Scenario, fleet: Fleet, wires: SiteNetwork) -> Engine:
    """Return the buses of all sites, told of everything that the scenario does to them."""
    sites = fleet.wiring.sites
    keys = [stream(scenario.seed, "site", int(site), "bus").integers(1 << 63) for site in fleet.site_ids]
    buses = ENGINES[scenario.bus.engine](
        wires.network,
        sites,
        keys=np.array(keys, np.uint64),
        logged=range(sites) if scenario.record.frames else (),
        threads=scenario.bus.threads,
    )
    if scenario.bus.bit_error_rate:
        for segment in range(len(wires.network.segments)):
            buses.noise(segment, np.arange(sites), np.zeros(sites, np.int64), scenario.bus.bit_error_rate)
    for disturbance in fleet.disturbances:
        disturbance.apply(buses, wires)
    return buses


def architecture_of(scenario: Scenario, wiring: Wiring) -> Architecture:
    """Return the scenario's architecture, which knows the ECUs and the firmware of every site."""
    kind = discover(architectures, Architecture)[scenario.bms.architecture]  # type: ignore[type-abstract]
    knots = np.loadtxt(resources.folder("data") / "cells" / "ocv_lfp_prada2013.csv", delimiter=",", skiprows=1)
    site = Site(
        wiring.packs, wiring.modules, wiring.cells, scenario.bms.capacity_Ah, OcvCurve(knots[:, 0], knots[:, 1])
    )
    return kind(scenario.bms, site)


def _plant(scenario: Scenario, fleet: Fleet) -> Plant:
    """Return the plant. Raises InputError where it cannot be made, or a fault acts on what it has not."""
    cells = {
        "capacity_Ah": fleet.capacity_Ah,
        "resistance_factor": fleet.resistance_factor,
        "soc_start": fleet.soc_start,
    }
    plant = open_plant(scenario.plant, fleet.wiring, cells, fleet.temperature_start_K)
    if problems := list(_impossible(scenario, plant)):
        plant.close()
        raise InputError(problems)
    return plant


def _impossible(scenario: Scenario, plant: Plant) -> Iterator[Problem]:
    """Yield the faults, of any site, that act on an input that the FMUs of ``plant`` have not."""
    fmus = f"{scenario.plant.electrical} and {scenario.plant.thermal}"
    for index, fault in enumerate(scenario.faults):
        wanted = dict.fromkeys(effect.actuator for effect in fault.effects() if isinstance(effect, Action))
        for actuator in wanted:
            if actuator not in plant.actuators:
                message = f"{fault.kind} acts on {actuator!r}; found no such input among the ports of {fmus}"
                yield Problem(message, path=f"faults[{index}]")


def _controllers(
    scenario: Scenario, fleet: Fleet, architecture: Architecture, messages: MessageTable, buses: Engine
) -> Controllers:
    firmware = architecture.firmware()
    roles = [one.role for one in firmware]
    numbers = [roles.index(ecu.role) for ecu in architecture.ecus()]
    bms = scenario.bms
    period_ns = round(bms.period_s * 1e9)
    schedule = Schedule(numbers, period_ns, scenario.seed, fleet.site_ids, drift_ppm=bms.clock_drift_ppm)
    memory = {"module_monitor": {"soc": _remembered_soc(scenario.seed, fleet).ravel()}}
    return Controllers(architecture, schedule, messages, buses, memory, len(fleet.site_ids))


def _replayed(fleet: Fleet, replays: Sequence[Traffic]) -> Iterator[Event]:
    """Yield what traces say on the buses of these sites, and what of them is left out."""
    for traffic in replays:
        text = traffic.told(fleet.duration_ns)
        for row in traffic.rows(fleet.site_ids.tolist()):
            yield Event(0, row, -1, -1, Level.INFO, "replay", "scenario", text, "the scenario says so")


def _injected(scenario: Scenario, fleet: Fleet) -> tuple[Event, ...]:
    """Return the faults of these sites as events, in the order of time."""
    rows = {int(site): row for row, site in enumerate(fleet.site_ids)}
    events = [
        _told(fault.kind, effect, rows[fault.site])
        for fault in scenario.faults
        if fault.site in rows
        for effect in fault.effects()
    ]
    return tuple(sorted(events, key=lambda event: event.time_ns))


def _told(kind: str, effect: Effect, row: int) -> Event:
    time_ns = 0 if isinstance(effect, Deviation) else effect.time_ns
    slot, cell, place = -1, -1, ""
    if not isinstance(effect, Disturbance):
        slot, cell = effect.slot, effect.cell
        place = f"module {slot + 1} cell {cell + 1}: "
    text = f"{place}fault injected, {effect.change}"
    return Event(time_ns, row, slot, cell, Level.INFO, kind, "scenario", text, "the scenario says so")


def _remembered_soc(seed: int, fleet: Fleet) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return what each monitor remembers of its module's SOC, ``[site, slot]``."""
    slots = fleet.wiring.slots
    errors = [stream(seed, "site", int(site), "remembered soc").standard_normal(slots) for site in fleet.site_ids]
    return np.clip(fleet.soc_start.mean(axis=2) + REMEMBERED_SOC_SD * np.array(errors), 0.0, 1.0)


def _sensing(scenario: Scenario, fleet: Fleet) -> Sensing:
    return Sensing(scenario.bms.sensors, scenario.seed, fleet.site_ids, fleet.wiring.slots, fleet.wiring.cells)
