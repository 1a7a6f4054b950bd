"""What a run logs: every signal with its unit and resolution, the events, and what the buses carried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import Level
from twin.bms.events import Event
from twin.build import World
from twin.network.engines.counters import LATENCY_EDGES_NS
from twin.network.engines.records import Change, NodeState
from twin.plant.action import PlantEvent
from twin.plant.dc_bus import Contactor
from twin.record import LEVELS, UNKNOWN, Column, Signal, of_detail
from twin.record.rollout import rollout_table
from twin.scenario import Scenario

Values = NDArray[Any]

SITE, MODULE, CELL = ("site",), ("site", "slot"), ("site", "slot", "cell")
DISCHARGE = "positive discharges the battery"
LEVEL = {"unknown": UNKNOWN, **LEVELS}
CONTACTOR = {"unknown": UNKNOWN, **{state.name.lower(): state.value for state in Contactor}}

SIGNALS: tuple[Signal, ...] = (
    Signal("load_W", SITE, "W", "household load", 1.0),
    Signal("pv_W", SITE, "W", "photovoltaic power", 1.0),
    Signal("request_W", SITE, "W", "power asked of the battery", 1.0, sign=DISCHARGE),
    Signal("power_W", SITE, "W", "power of the battery", 1.0, sign=DISCHARGE),
    Signal("charge_limit_W", SITE, "W", "charging limit that the inverter keeps", 1.0),
    Signal("discharge_limit_W", SITE, "W", "discharging limit that the inverter keeps", 1.0),
    Signal("bus_voltage_V", SITE, "V", "voltage of the DC bus", 0.01),
    Signal("ambient_K", SITE, "K", "ambient temperature", 0.05),
    Signal("tariff_price", SITE, "1", "price of energy over that of a flat hour", 0.01),
    Signal("grid_frequency_Hz", SITE, "Hz", "frequency of the grid", 0.001),
    Signal("pack_soc", SITE, "1", "state of charge, as the pack controllers believe", 0.001),
    Signal("pack_state", SITE, "1", "main contactor, the least closed of all packs", flags=CONTACTOR),
    Signal("bus_load", SITE, "1", "share of the time that the CAN bus was busy since the last row", 1e-4),
    Signal("module_voltage_V", MODULE, "V", "terminal voltage of a module", 0.01),
    Signal("current_A", MODULE, "A", "current of a module", 0.1, sign=DISCHARGE),
    Signal("cooling", MODULE, "1", "commanded flow of the coolant", 1 / 256),
    Signal("housing_K", MODULE, "K", "temperature of a module's housing", 0.05),
    Signal("module_soc", MODULE, "1", "state of charge, as the monitor believes", 0.001),
    Signal("module_state", MODULE, "1", "contactor of a module", flags=CONTACTOR),
    Signal("module_soh", MODULE, "1", "state of health, as whoever looks after the module believes", 0.001),
    Signal("level", MODULE, "1", "protection level of a module, as its monitor says", flags=LEVEL),
    Signal("cell_voltage_V", CELL, "V", "voltage of a cell", 0.0005),
    Signal("soc", CELL, "1", "state of charge of a cell, true", 0.0005),
    Signal("temperature_K", CELL, "K", "temperature of a cell", 0.05),
    Signal("bleed", CELL, "1", "duty of a cell's balancing resistor", 1 / 256),
    Signal("balancing_A", CELL, "A", "current of active balancing", 0.01, sign=DISCHARGE),
)


def signals_of(scenario: Scenario) -> tuple[Signal, ...]:
    """Return the signals that a run of the scenario has, at its level of detail."""
    bms = scenario.bms
    absent = {
        "cooling": bms.cooling.kind == "none",
        "bleed": not bms.balancing.bleeds,
        "balancing_A": not bms.balancing.moves,
        "tariff_price": scenario.tariff.kind == "none",
        "grid_frequency_Hz": scenario.frequency.kind == "nominal",
    }
    there = tuple(signal for signal in SIGNALS if not absent.get(signal.name))
    return of_detail(there, scenario.record.detail)


class Sink(Protocol):
    """Where a log goes: the writer of a run, or a pipe to it. See ``twin.record.RunWriter``."""

    def append(self, time_ns: int, values: Mapping[str, Values]) -> None:
        """Take a row."""

    def event(self, event: Event) -> None:
        """Take an event."""

    def frames(self, site: int, columns: Mapping[str, Values]) -> None:
        """Take frames of one site."""

    def table(self, name: str, columns: Mapping[str, Column]) -> None:
        """Take a table."""


class Log:
    """Takes rows, events and frames from a world to a sink."""

    def __init__(self, world: World, sink: Sink, period_ns: int) -> None:
        self._world = world
        self._sink = sink
        self._period_ns = period_ns
        self._busy_ns = world.buses.statistics.busy_ns.copy()

    def tick(self, end_ns: int, events: Iterable[Event]) -> None:
        """Log the events of a tick and, where a row is due, the world at its end."""
        for event in sorted(events, key=lambda event: (event.time_ns, event.site)):
            self._sink.event(replace(event, site=self._number(event.site)))
        if end_ns % self._period_ns == 0:
            self._sink.append(end_ns, self._row())
            for site in self._world.buses.logged:
                self._frames(site)

    def _number(self, row: int) -> int:
        """Return the number of the site in a row; what is about the whole fleet keeps its -1."""
        return int(self._world.fleet.site_ids[row]) if row >= 0 else row

    def finish(self) -> None:
        """Log what is left at the end: frames since the last row, and the statistics of the buses."""
        for site in self._world.buses.logged:
            self._frames(site)
        if self._world.rollout:
            for name, columns in self._world.rollout.tables().items():
                self._sink.table(name, rollout_table(name, columns))
        self._sink.table("bus", _bus(self._world))
        self._sink.table("bus_nodes", _nodes(self._world))

    def _row(self) -> Mapping[str, Values]:
        world, plant = self._world, self._world.plant
        alive = ~plant.failed
        busy_ns = world.buses.statistics.busy_ns
        bus_load = (busy_ns - self._busy_ns).max(axis=1) / self._period_ns
        self._busy_ns[:] = busy_ns

        def known(values: Values | None) -> Values | None:
            """Return values where the site's controllers still run; None stays what nobody has."""
            if values is None:
                return None
            return np.where(alive.reshape(-1, *(1,) * (values.ndim - 1)), values, np.nan)

        row: dict[str, Values | None] = {
            "load_W": world.surroundings.load_W,
            "pv_W": world.surroundings.pv_W,
            "request_W": plant.request_W,
            "power_W": plant.power_W,
            "charge_limit_W": np.where(alive, plant.inverter.charge_limit_W, np.nan),
            "discharge_limit_W": np.where(alive, plant.inverter.discharge_limit_W, np.nan),
            "bus_voltage_V": plant.bus_voltage_V,
            "ambient_K": world.surroundings.ambient_K,
            "tariff_price": world.surroundings.price,
            "grid_frequency_Hz": world.surroundings.frequency_Hz,
            "pack_soc": np.where(alive, _mean(world.controllers.beliefs("pack_soc")), np.nan),
            "pack_state": _flags(plant.pack_state.min(axis=1), alive),
            "bus_load": np.where(alive, bus_load, np.nan),
            "module_voltage_V": plant.module_voltage_V,
            "current_A": plant.current_A,
            "housing_K": plant.housing_K,
            "module_soc": known(world.controllers.beliefs("module_soc")),
            "module_state": _flags(plant.module_state, alive[:, None]),
            "level": _flags(world.controllers.beliefs("level"), alive[:, None]),
            "module_soh": known(world.controllers.beliefs("module_soh")),
            "cooling": known(world.controllers.commanded("cooling")),
            "cell_voltage_V": plant.cell_voltage_V,
            "soc": plant.soc,
            "temperature_K": plant.temperature_K,
            "bleed": known(world.controllers.commanded("bleed")),
            "balancing_A": known(world.controllers.commanded("balancing_current_A")),
        }
        return {name: values for name, values in row.items() if values is not None}

    def _frames(self, site: int) -> None:
        log = self._world.buses.take_log(site)
        columns: dict[str, Values] = {
            "segment": log.segment.astype(np.uint8),
            "identifier": log.identifier,
            "flags": log.flags.astype(np.uint8),
            "length": log.length.astype(np.uint8),
            "error_bit": log.error_bit.astype(np.int16),
            "release_ns": log.release_ns,
            "start_ns": log.start_ns,
            "finish_ns": log.finish_ns,
            "payload": log.payload,
        }
        self._sink.frames(int(self._world.fleet.site_ids[site]), columns)


def _bus(world: World) -> Mapping[str, Column]:
    """Return what the buses carried by message."""
    statistics, network = world.buses.statistics, world.buses.network
    messages, of_site, of_message = network.messages, ("site", "message"), ("message",)
    deadline_s = [np.nan if one.deadline_ns is None else one.deadline_ns * 1e-9 for one in messages]
    segments = [network.segments[network.segment_of(index)].name for index in range(len(messages))]
    return {
        "message": Column(np.array([one.name for one in messages]), of_message),
        "identifier": Column(np.array([one.identifier for one in messages]), of_message, "1", "CAN identifier"),
        "extended": Column(
            np.array([one.extended for one in messages], np.int8), of_message, flags={"11 bits": 0, "29 bits": 1}
        ),
        "sender": Column(np.array([network.nodes[one.node].name for one in messages]), of_message),
        "segment": Column(np.array(segments), of_message),
        "deadline_s": Column(np.array(deadline_s), of_message, "s", "time by which a frame should be received"),
        "frames": Column(statistics.frames, of_site, "1", "frames received"),
        "overwritten": Column(statistics.overwritten, of_site, "1", "frames replaced before they were sent"),
        "dropped": Column(statistics.dropped, of_site, "1", "frames lost: full queue, or sender off or bus-off"),
        "misses": Column(statistics.misses, of_site, "1", "frames received after their deadline"),
        "errors": Column(statistics.errors, of_site, "1", "attempts destroyed by errors"),
        "latency_mean_s": Column(statistics.latency_mean_s(), of_site, "s", "mean time from queueing to reception"),
        "latency_max_s": Column(statistics.latency_max_ns * 1e-9, of_site, "s", "longest such time"),
        "latency_edge_s": Column(LATENCY_EDGES_NS * 1e-9, ("latency_edge",), "s", "edges of the histogram"),
        "latency_histogram": Column(statistics.latency_histogram, (*of_site, "latency_bin"), "1", "frames by latency"),
    }


def _nodes(world: World) -> Mapping[str, Column]:
    """Return the state in which the run leaves the CAN controllers."""
    nodes, of_site = world.buses.nodes, ("site", "node")
    states = {state.name.lower(): int(state) for state in NodeState}
    return {
        "node": Column(np.array([node.name for node in world.buses.network.nodes]), ("node",)),
        "state": Column(nodes.state, of_site, "1", "state of the controller", flags=states),
        "tec": Column(nodes.tec, of_site, "1", "transmit error counter"),
        "rec": Column(nodes.rec, of_site, "1", "receive error counter"),
        "bus_offs": Column(nodes.bus_offs, of_site, "1", "how often it went bus-off"),
    }


def told(happened: PlantEvent) -> Event:
    """Return what the plant has to tell as an event of the log."""
    level = {"quarantine": Level.FATAL, "contactor": Level.INFO}.get(happened.kind, Level.WARNING)
    site, slot, text = happened.site, happened.slot, happened.text
    return Event(happened.time_ns, site, slot, -1, level, happened.kind, "plant", text, pack=happened.pack)


def changed(change: Change, world: World) -> Event:
    """Return a controller's change of state as an event of the log."""
    node = world.buses.network.nodes[change.node].name
    text, level, cause = {
        NodeState.ERROR_ACTIVE: ("takes part in the bus without restriction again", Level.INFO, "errors have ceased"),
        NodeState.ERROR_PASSIVE: (
            "is error passive: it gives way after each of its frames",
            Level.WARNING,
            "many errors in its frames, or nobody who acknowledges them",
        ),
        NodeState.BUS_OFF: (
            "is bus-off: it neither sends nor receives",
            Level.FATAL,
            "errors in 32 of its frames in a row, or as many more than it got through",
        ),
        NodeState.OFF: ("is switched off", Level.INFO, "an instruction"),
    }[NodeState(change.state)]
    code = NodeState(change.state).name.lower()
    return Event(change.time_ns, change.site, -1, -1, level, code, "network", f"{node} {text}", cause)


def _mean(values: Values) -> Values:
    """Return the mean over the last axis of what is known; NaN where nothing is."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.where(known.any(axis=-1), total / np.maximum(known.sum(axis=-1), 1), np.nan)


def _flags(values: Values, alive: Values) -> Values:
    """Return values as flags, unknown where a site is quarantined or its ECU has not spoken yet."""
    return np.where(alive & ~np.isnan(values), values, UNKNOWN).astype(np.int8)
