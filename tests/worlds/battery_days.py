"""Days in the life of battery modules on the real FMUs, what their sensors say of them, and what estimators make of it.

One module a case. Each follows a household: sun by day, load with an evening peak, both with clouds and appliances
drawn from a seed; it charges and discharges only within its window of SOC, and tapers at the ends as a BMS does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from twin import resources
from twin.bms.estimators.estimator import Condition, Estimator
from twin.bms.estimators.health import HealthOptions
from twin.bms.measured import Measured
from twin.bms.module_data import ModuleData
from twin.bms.ocv import OcvCurve
from twin.plant.assembly import open_modules
from twin.plant.coupling import Span
from twin.plant.options import Plant as PlantOptions
from twin.plant.pool import FloatArray

CELLS = 16
NOMINAL_AH = 314.0
DAY_S = 86_400
SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Case:
    """One module: the window in which it is cycled, where it starts, and how the estimator is misled about it."""

    name: str
    lowest_soc: float = 0.0
    highest_soc: float = 1.0
    start_soc: float = 0.5
    power: float = 1.0
    """Of the household's, which cycles 314 Ah about once a day."""
    start_error: float = 0.0
    gain: float = 1.01
    """Of the current sensor."""
    capacity_factor: float = 1.0
    resistance_factor: float = 1.0
    spread: float = 0.0
    """Of the cells' SOC at the start, from the lowest to the highest."""
    temperature_K: float = 298.15


@dataclass(frozen=True)
class Days:
    """What happened: ``[step, case]`` and ``[step, case, cell]``."""

    step_s: int
    current_A: FloatArray
    voltage_V: FloatArray
    temperature_K: FloatArray
    soc: FloatArray


@dataclass(frozen=True)
class Followed:
    """What was believed: ``[step, case]``, ``cell_soc[step, case, cell]``."""

    soc: FloatArray
    soc_sd: FloatArray
    cell_soc: FloatArray
    capacity_Ah: FloatArray
    resistance_factor: FloatArray


CASES = (
    Case("both knees", start_error=0.1),
    Case("both knees, start too low", start_error=-0.1),
    Case("lower knee only", 0.15, 0.90, start_error=0.1),
    Case("middle", 0.30, 0.80, power=0.8, start_error=-0.1),
    Case("upper half", 0.60, 0.95, start_soc=0.7, power=0.6, start_error=-0.1),
    Case("flat", 0.54, 0.64, start_soc=0.6, power=0.2, start_error=0.1),
    Case("flat, start right", 0.54, 0.64, start_soc=0.6, power=0.2),
    Case("both knees, start right", gain=1.0),
    Case("capacity 90 %", start_error=0.1, capacity_factor=0.9),
    Case("resistance 130 %, 10 degC", start_error=0.1, resistance_factor=1.3, temperature_K=283.15),
    Case("cells 4 % apart", start_error=0.1, spread=0.04),
)
"""Cycles on which estimators of the SOC are compared."""


@cache
def module_data() -> ModuleData:
    """Return what the makers of a BMS know of the plant's cells."""
    soc, ocv_V = np.loadtxt(resources.folder("data") / "cells" / "ocv_lfp_prada2013.csv", delimiter=",", skiprows=1).T
    return ModuleData(CELLS, NOMINAL_AH, OcvCurve(soc, ocv_V))


def household_A(days: float, step_s: int, seed: int) -> FloatArray:
    """Return what a household asks of a module, ``[step]``; positive discharges."""
    random = np.random.default_rng(seed)
    steps = round(days * DAY_S / step_s)
    hour = np.arange(steps) * step_s % DAY_S / 3600.0
    appliances = np.repeat(random.lognormal(0.0, 0.6, steps * step_s // 900 + 1), 900 // step_s)[:steps]
    clouds = np.repeat(np.clip(random.normal(0.8, 0.25, steps * step_s // 300 + 1), 0.1, 1.0), 300 // step_s)[:steps]
    sun_A = 95.0 * np.maximum(np.sin((hour - 7.0) / 11.0 * np.pi), 0.0) * ((hour > 7.0) & (hour < 18.0))
    peaks_A = 18.0 * np.exp(-(((hour - 20.0) / 2.5) ** 2)) + 8.0 * np.exp(-((hour - 7.5) ** 2))
    return 1.3 * (12.0 + peaks_A) * appliances - sun_A * clouds


def live(cases: Sequence[Case], days: float, step_s: int, seed: int = 1) -> Days:
    """Run the FMUs of one module a case, side by side."""
    count = len(cases)
    modules = open_modules(PlantOptions(), (count,), CELLS)
    spread = np.linspace(-0.5, 0.5, CELLS)
    start = {
        "soc_start": _column(cases, "start_soc") + _column(cases, "spread") * spread,
        "capacity_Ah": _column(cases, "capacity_factor") * NOMINAL_AH + 0.0 * spread,
        "resistance_factor": _column(cases, "resistance_factor") + 0.0 * spread,
    }
    ambient_K = _column(cases, "temperature_K")[:, 0]
    modules.initialize(start, ambient_K, 0.0)
    wanted_A = household_A(days, step_s, seed)[:, None] * _column(cases, "power")[:, 0]
    lowest, highest = _column(cases, "lowest_soc")[:, 0], _column(cases, "highest_soc")[:, 0]
    signals, rows = modules.signals, []
    for step, wish_A in enumerate(wanted_A):
        soc = signals.soc.mean(axis=1)
        full = np.clip((3.53 - signals.cell_voltage_V.max(axis=1)) / 0.1, 0.0, 1.0) * (soc < highest)
        empty = np.clip((signals.cell_voltage_V.min(axis=1) - 2.92) / 0.1, 0.0, 1.0) * (soc > lowest)
        current_A = np.clip(wish_A, -100.0 * full, 100.0 * empty)
        modules.step(Span(slice(None), float(step * step_s), float(step_s)), current_A, ambient_K)
        rows.append((current_A, signals.cell_voltage_V.copy(), signals.temperature_K.copy(), signals.soc.copy()))
    modules.close()
    return Days(step_s, *(np.stack(column) for column in zip(*rows, strict=True)))


def sensed(days: Days, cases: Sequence[Case], seed: int = 2) -> Days:
    """Return the days as sensors tell them: gain, noise and resolution of ``twin.bms.sensors``'s defaults."""
    random = np.random.default_rng(seed)

    def read(true: FloatArray, noise: float, resolution: float) -> FloatArray:
        return np.round((true + noise * random.standard_normal(true.shape)) / resolution) * resolution

    return Days(
        days.step_s,
        read(days.current_A * _column(cases, "gain")[:, 0], 0.05, 0.1),
        read(days.voltage_V, 0.0005, 0.001),
        read(days.temperature_K, 0.1, 0.5),
        days.soc,
    )


def follow(
    estimator: Estimator[Any], readings: Days, cases: Sequence[Case], health: HealthOptions | None = None
) -> Followed:
    """Run an estimator over readings, each case with its wrong start; without ``health`` the data sheet is believed."""
    module, count = module_data(), len(cases)
    estimate = estimator.initial(np.array([case.start_soc + case.start_error for case in cases]), module)
    condition = Condition.new(count, module)
    aged = health.initial(count, module) if health else None
    fresh, nobody_A = np.ones(count, np.bool_), np.zeros((count, CELLS))
    rows = []
    for step, current_A in enumerate(readings.current_A):
        time_ns = np.full(count, (step + 1) * readings.step_s * SECOND_NS)
        measured = Measured(time_ns, readings.voltage_V[step], readings.temperature_K[step], current_A, fresh)
        estimate = estimator.step(estimate, measured, nobody_A, condition, module)
        if health and aged:
            aged = health.step(aged, measured, nobody_A, estimate, module)
            condition = aged.condition
        believed = condition.capacity_Ah, condition.resistance_factor
        rows.append((estimate.soc, estimate.soc_sd, estimate.cell_soc, *believed))
    return Followed(*(np.stack(column) for column in zip(*rows, strict=True)))


def _column(cases: Sequence[Case], name: str) -> FloatArray:
    return np.array([[float(getattr(case, name))] for case in cases])
