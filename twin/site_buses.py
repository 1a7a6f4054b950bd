"""The buses of a scenario's sites: what is on them, and what its faults and traces do there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from twin.bms.effects import Mishap, WhileBalancing
from twin.bms.messages import type_of
from twin.bms.needs import unmet
from twin.errors import InputError, Problem, attempt
from twin.faults.fault import Fault
from twin.network.dbc.codec import MessageLayout
from twin.network.disturbances import Disturbance
from twin.network.engines.engine import Engine
from twin.network.engines.registry import ENGINES
from twin.network.network import Message
from twin.network.replay import Traffic
from twin.network.site import SiteNetwork, ecus_of, site_network
from twin.scenario import Fleet, Scenario
from twin.scenario.architecture import architecture_of, bus_layouts, database_of, own_database, transport_of
from twin.scenario.faults import faults_of
from twin.streams import stream

FloatArray = NDArray[np.float64]


def site_messages(scenario: Scenario) -> tuple[MessageLayout, ...]:
    """Return the messages on the buses of a site, with the cycles in which they are sent.

    What firmware sends, it sends at every activation of its task; of anything else the database says how often.
    Raises InputError where the database is wrong, or lacks an ECU of the site.
    """
    architecture = architecture_of(scenario)
    sent = {kind for firmware in architecture.firmware() for kind in firmware.sends}
    task_ns = round(scenario.bms.period_s * 1e9)
    return tuple(
        replace(layout, cycle_ns=task_ns) if type_of(layout.name) in sent else layout
        for layout in bus_layouts(scenario, architecture, database_of(scenario))
    )


@dataclass(frozen=True)
class SiteBuses:
    """What is the same on the buses of every site."""

    wires: SiteNetwork
    replays: tuple[Traffic, ...]

    @classmethod
    def of(cls, scenario: Scenario) -> SiteBuses:
        """Return the network of a site, and the traces that are replayed on it.

        Raises InputError with everything in which database, options, traces, faults and firmware do not fit each other.
        """
        layouts = site_messages(scenario)
        faults = _placed_faults(scenario)
        problems = [
            *_unmet(scenario, layouts),
            *_nowhere(scenario, layouts, faults),
            *_taken(layouts, faults),
            *_no_sites(scenario),
        ]
        read = [attempt(problems, partial(Traffic.of, replay, layouts)) for replay in scenario.bus.replay]
        beside = _beside(faults, read, problems)
        wires = attempt(problems, lambda: _wires(scenario, layouts, beside))
        problems += _unreachable(scenario, wires) if wires else ()
        if wires is None or problems:
            raise InputError(problems)
        return cls(wires, tuple(traffic for traffic in read if traffic))


def _unmet(scenario: Scenario, layouts: Sequence[MessageLayout]) -> Iterator[Problem]:
    """Yield what the database lacks that the firmware needs."""
    if database_of(scenario) != own_database(scenario):
        architecture = architecture_of(scenario)
        known = bus_layouts(scenario, architecture, own_database(scenario))
        firmware = architecture.firmware()
        kinds = {kind for one in firmware for kind in (*one.reads, *one.sends)}
        yield from unmet(layouts, known, kinds, database_of(scenario))


def _unreachable(scenario: Scenario, wires: SiteNetwork) -> Iterator[Problem]:
    """Yield the roles of a rollout whose ECUs the gateway has no channel to."""
    ecus = architecture_of(scenario).ecus()
    for role in scenario.ota.release if scenario.ota else ():
        nodes = [ecu.node for ecu in ecus if ecu.role == role and ecu.node not in wires.channels]
        if nodes:
            found = f"the CAN database has no {nodes[0]}_DiagnosticRequest and {nodes[0]}_DiagnosticResponse"
            reachable = dict.fromkeys(ecu.role for ecu in ecus if ecu.node in wires.channels)
            hint = f"expected some of {', '.join(reachable)}" if reachable else None
            yield Problem(f"{found}: no image gets to the {role}", path=f"ota.release.{role}", suggestion=hint)


def _placed_faults(scenario: Scenario) -> list[tuple[str, Fault]]:
    """Return all faults of the whole fleet, so that every site has one network, with what states them."""
    paths = {id(fault): f"faults[{index}]" for index, fault in enumerate(scenario.faults)}
    return [(paths.get(id(fault), "drawn"), fault) for fault in faults_of(scenario, range(scenario.fleet.sites))]


def _nowhere(
    scenario: Scenario, layouts: Sequence[MessageLayout], faults: Sequence[tuple[str, Fault]]
) -> Iterator[Problem]:
    """Yield the faults that name a node or message that is not on the buses."""
    nodes = [*ecus_of(layouts), *(replay.node for replay in scenario.bus.replay)]
    names = {"node": nodes, "message": [layout.name for layout in layouts]}
    for path, fault in faults:
        found = [p for effect in fault.effects() if isinstance(effect, Disturbance) for p in effect.problems(names)]
        for problem in dict.fromkeys(found):
            yield replace(problem, path=f"{path}.{problem.path}")


def _taken(layouts: Sequence[MessageLayout], faults: Sequence[tuple[str, Fault]]) -> Iterator[Problem]:
    """Yield the faults that send identifiers which are a message's of the database."""
    names = {(layout.identifier, layout.extended): layout.name for layout in layouts}
    for path, fault in faults:
        for _, message in fault.messages():
            if name := names.get((message.identifier, message.extended)):
                found = (
                    f"found {message.identifier:#x}, the identifier of {name}; expected one that the database leaves"
                )
                yield Problem(f"{found} free", path=f"{path}.identifier")


def _no_sites(scenario: Scenario) -> Iterator[Problem]:
    """Yield the sites of replayed traces that the fleet has not."""
    last = scenario.fleet.sites - 1
    expected = f"0 to {last}" if last else "0, the only one"
    for index, replay in enumerate(scenario.bus.replay):
        for place, site in enumerate(replay.sites or ()):
            if site > last:
                yield Problem(f"found {site}; expected {expected}", path=f"bus.replay[{index}].sites[{place}]")


def _beside(
    faults: Sequence[tuple[str, Fault]], replays: Sequence[Traffic | None], problems: Sequence[Problem]
) -> dict[tuple[str, Message], str]:
    """Return the messages beside the database's, with their senders, and what in the scenario wants each first.

    Faults that have problems already want none.
    """
    wrong = {(problem.path or "").partition(".")[0] for problem in problems}
    wanting = [(path, fault.messages()) for path, fault in faults if path not in wrong]
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
        return site_network(layouts, scenario.bus, beside, transport=transport_of(scenario))
    except InputError as error:
        places = {message.name: path for (_, message), path in beside.items()}
        raise InputError(
            replace(problem, path=places.get(problem.path or "", problem.path)) for problem in error.problems
        ) from None


def open_buses(scenario: Scenario, fleet: Fleet, wires: SiteNetwork, unplugged: Sequence[Disturbance] = ()) -> Engine:
    """Return the buses of all sites, told of everything that the scenario does to them; ``unplugged`` beside."""
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
    for disturbance in (*fleet.disturbances, *unplugged):
        disturbance.apply(buses, wires)
    return buses


class BalancingNoise:
    """Bit errors on the buses of sites while some of their resistors switch."""

    def __init__(self, mishaps: Sequence[Mishap], buses: Engine, wires: SiteNetwork) -> None:
        self._mishaps = [one for one in mishaps if isinstance(one, WhileBalancing)]
        self._buses, self._segments = buses, range(len(wires.network.segments))
        self._usual = wires.bit_error_rate
        self._rate = dict.fromkeys([one.site for one in self._mishaps], self._usual)

    def update(self, time_ns: int, duty: FloatArray | None, rows: NDArray[np.int64] | None = None) -> None:
        """Begin or end the noise, given the bleed duties ``[site, slot, cell]`` that are commanded now.

        Of several sources at a site, the strongest counts. ``rows``: the sites at which something may change (None:
        all).
        """
        served = self._rate.keys() if rows is None else self._rate.keys() & set(rows.tolist()) if self._rate else ()
        rate = {site: self._usual if site in served else rate for site, rate in self._rate.items()}
        for one in self._mishaps:
            if one.site not in served:
                continue
            slots = slice(None) if one.slot < 0 else one.slot
            if duty is not None and one.holds(time_ns) and (duty[one.site, slots] > 0.0).any():
                rate[one.site] = max(rate[one.site], one.bit_error_rate)
        for site in (site for site, now in rate.items() if now != self._rate[site]):
            for segment in self._segments:
                self._buses.noise(segment, np.array([site]), np.array([time_ns]), rate[site])
        self._rate = rate
