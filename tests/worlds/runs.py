"""A small run of home batteries, physically plausible and quick to make, written through the real writer.

No FMUs: an open-circuit voltage, a resistance and a first-order thermal lag a cell. Enough that every plot of a report
has something true-looking to show: a PV day, a weak cell, an overheated one that opens its module's contactor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.worlds.signals import SIGNALS
from twin.bms.codes import Level
from twin.bms.events import Event
from twin.record.manifest import Status
from twin.record.options import Record
from twin.record.schema import Array, Column, Signal
from twin.record.writer import RunWriter
from twin.streams import stream

START = "2026-06-21T06:00:00+08:00"
MESSAGES = ("PACK_STATUS", "MODULE_CELLS_1", "MODULE_CELLS_2", "MODULE_STATUS", "PACK_LIMITS")
LATENCY_EDGES_S = np.array([0.0, 1e-4, 2e-4, 4e-4, 8e-4, 1.6e-3, 3.2e-3, 6.4e-3])

Row = dict[str, Array]


@dataclass(frozen=True)
class World:
    """Size of the run, and what to log of it."""

    sites: int = 4
    slots: int = 2
    cells: int = 16
    duration_s: float = 6 * 3600.0
    period_s: float = 20.0
    seed: int = 7
    signals: tuple[Signal, ...] = SIGNALS

    @property
    def rows(self) -> int:
        return round(self.duration_s / self.period_s)

    def time_ns(self, row: int) -> int:
        return round((row + 1) * self.period_s * 1e9)


HOT_SITE, HOT_SLOT, HOT_CELL = 1, 0, 5
WEAK_SITE, WEAK_SLOT, WEAK_CELL = 2, 1, 11


def write_run(
    folder: Path,
    world: World | None = None,
    *,
    status: Status = "complete",
    flush_rows: Sequence[int] = (),
    force: bool = False,
    detail: str = "cell",
) -> Path:
    """Write a whole run, flushing after the given rows too, and return its folder."""
    world = world or World()
    writer = open_writer(folder, world, force=force, detail=detail)
    level = np.zeros((world.sites, world.slots), np.int8)
    for number, row in enumerate(rows(world)):
        writer.append(world.time_ns(number), row)
        add_events(writer, world.time_ns(number), level, row)
        level = row["level"]
        if number in flush_rows:
            writer.flush()
    writer.table("bus", bus_table(world))
    writer.close(status)
    return folder


def open_writer(folder: Path, world: World, *, force: bool = False, detail: str = "cell") -> RunWriter:
    slot = np.arange(world.slots)
    return RunWriter(
        folder,
        world.signals,
        {
            "site": 100 + np.arange(world.sites),
            "slot": slot,
            "cell": np.arange(world.cells),
            "pack": 0 * slot,
            "module": slot,
        },
        {
            "name": "small_world",
            "description": "Homes with two modules each, a weak cell and a hot one.",
            "seed": world.seed,
        },
        Record.model_validate({"detail": detail, "period_s": world.period_s}),
        START,
        round(world.period_s * 1e9),
        facts={"hashes": {"scenario": "0" * 64, "module_electrical.fmu": "1" * 64}, "threads": 1},
        force=force,
    )


def ocv_V(soc: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A flat LFP-like curve with its two steep ends."""
    return 3.28 + 0.07 * soc - 0.6 * np.exp(-soc / 0.03) + 0.12 * np.exp((soc - 1.0) / 0.015)


def rows(world: World) -> Iterator[Row]:
    """Yield the values of every row."""
    shape = (world.sites, world.slots, world.cells)
    draw = stream(world.seed, "cells")
    capacity_Ah = 314.0 * (1 + 0.01 * draw.standard_normal(shape))
    resistance_ohm = 0.0006 * (1 + 0.05 * draw.standard_normal(shape))
    soc = np.clip(0.35 + 0.1 * draw.random((world.sites, 1, 1)) + 0.004 * draw.standard_normal(shape), 0.02, 0.98)
    if world.sites > WEAK_SITE and world.slots > WEAK_SLOT and world.cells > WEAK_CELL:
        capacity_Ah[WEAK_SITE, WEAK_SLOT, WEAK_CELL] *= 0.7
        resistance_ohm[WEAK_SITE, WEAK_SLOT, WEAK_CELL] *= 2.5
    temperature_K = np.full(shape, 300.15)
    closed = np.ones(shape[:2], bool)
    for row in range(world.rows):
        time_s = world.time_ns(row) * 1e-9
        hour = 6.0 + time_s / 3600.0
        load_W, pv_W = _household(world, row, hour)
        request_W = np.clip(load_W - pv_W, -8000.0, 8000.0)
        current_A = np.where(closed, (request_W[:, None] / 52.8) / np.maximum(closed.sum(1, keepdims=True), 1), 0.0)
        soc = np.clip(soc - current_A[..., None] * world.period_s / 3600.0 / capacity_Ah, 0.0, 1.0)
        cell_voltage_V = ocv_V(soc) - current_A[..., None] * resistance_ohm
        heat_W = current_A[..., None] ** 2 * resistance_ohm
        if 2.0 * 3600 < time_s < 3.5 * 3600 and world.sites > HOT_SITE:
            heat_W[HOT_SITE, HOT_SLOT, HOT_CELL] += 32.0
        ambient_K = np.full(world.sites, 300.15 + 5.0 * np.sin((hour - 9.0) / 12.0 * np.pi))
        lag = 1.0 - np.exp(-world.period_s / 2500.0)
        temperature_K = temperature_K + lag * (ambient_K[:, None, None] + 1.2 * heat_W - temperature_K)
        level = np.digitize(temperature_K.max(axis=2), [318.15, 323.15, 328.15]).astype(np.int8)
        closed &= level < 3
        module_voltage_V = cell_voltage_V.sum(axis=2)
        yield {
            "bus_voltage_V": module_voltage_V.mean(axis=1),
            "power_W": (module_voltage_V * current_A).sum(axis=1),
            "request_W": request_W,
            "load_W": load_W,
            "pv_W": pv_W,
            "ambient_K": ambient_K,
            "charge_limit_W": np.full(world.sites, 8000.0),
            "discharge_limit_W": 8000.0 * closed.mean(axis=1),
            "pack_soc": soc.mean(axis=(1, 2)) + 0.01,
            "pack_state": np.where(closed.any(axis=1), 2, 0),
            "bus_load": 0.011 + 0.0005 * stream(world.seed, "bus", row).random(world.sites),
            "module_voltage_V": module_voltage_V,
            "current_A": current_A,
            "housing_K": temperature_K.mean(axis=2) - 0.5,
            "module_soc": soc.mean(axis=2) + 0.01,
            "module_state": np.where(closed, 2, 0),
            "level": level,
            "cell_voltage_V": cell_voltage_V,
            "soc": soc,
            "temperature_K": temperature_K,
            "bleed": ((cell_voltage_V - cell_voltage_V.min(axis=2, keepdims=True) > 0.01) & (cell_voltage_V > 3.4))
            * 1.0,
        }


def _household(world: World, row: int, hour: float) -> tuple[Array, Array]:
    draw = stream(world.seed, "household", row)
    load_W = 450.0 + 350.0 * np.sin(hour) ** 2 + 60.0 * draw.standard_normal(world.sites)
    size = 1.0 + 0.15 * np.arange(world.sites)
    pv_W = size * 4500.0 * max(0.0, np.sin((hour - 6.0) / 13.0 * np.pi)) * (1 - 0.1 * draw.random(world.sites))
    return load_W, pv_W


def add_events(writer: RunWriter, time_ns: int, level_before: Array, row: Row) -> None:
    """Say what a BMS would say: a module's level has changed, its contactor was opened."""
    for site, slot in np.argwhere(row["level"] != level_before):
        level, cell = int(row["level"][site, slot]), int(row["temperature_K"][site, slot].argmax())
        writer.event(Event(
            time_ns, 100 + int(site), int(slot), cell, Level(level), "overtemperature", "module_monitor",
            f"module {slot + 1} cell {cell + 1}: <hot> & {row['temperature_K'][site, slot, cell] - 273.15:.1f} °C",
            cause="internal short, loose terminal or lost cooling", remedy="Isolate and inspect",
        ))  # fmt: skip
        if level == 3:
            writer.event(Event(
                time_ns + 210_000_000, 100 + int(site), int(slot), -1, Level.WARNING,
                "contactor_opened", "pack_controller",
                f"module {slot + 1}: contactor opened", cause="fatal limit violated", remedy="Do not close it by hand",
            ))  # fmt: skip


def bus_table(world: World) -> dict[str, Column]:
    """Statistics of every site's bus, as the run loop would hand them over."""
    shape = (world.sites, len(MESSAGES))
    draw = stream(world.seed, "latency")
    histogram = draw.integers(0, 4000, (*shape, len(LATENCY_EDGES_S) - 1))
    frames = histogram.sum(axis=2)
    return {
        "message": Column(np.array(MESSAGES), ("message",), long_name="message"),
        "identifier": Column(np.array([0x100, 0x210, 0x211, 0x220, 0x110]), ("message",), long_name="CAN identifier"),
        "frames": Column(frames, ("site", "message"), long_name="frames sent"),
        "overwritten": Column(
            draw.integers(0, 3, shape), ("site", "message"), long_name="frames replaced before they were sent"
        ),
        "latency_mean_s": Column(0.0004 + 0.0002 * draw.random(shape), ("site", "message"), "s", "mean latency"),
        "latency_max_s": Column(0.002 + 0.003 * draw.random(shape), ("site", "message"), "s", "highest latency"),
        "latency_edge_s": Column(LATENCY_EDGES_S, ("latency_edge",), "s", "edges of the latency histogram"),
        "latency_histogram": Column(histogram, ("site", "message", "latency_bin"), long_name="frames by latency"),
    }
