"""Modules of LFP cells whose sensors a BMS reads, with things that can go wrong: a world for its diagnoses.

Cells are an OCV, a resistance and one RC pair, warmed by their losses and cooled towards the ambient; sensors have the
noise and the resolution of the scenario's defaults. What goes wrong does so in one cell of one module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import Level
from twin.bms.diagnosis.diagnoses import Diagnoses, Found
from twin.bms.diagnosis.look import Look
from twin.bms.limit_levels import Limits
from twin.bms.measured import Measured
from twin.bms.module_data import ModuleData
from twin.bms.ocv import OcvCurve
from twin.plant.dc_bus import CLOSED

FloatArray = NDArray[np.float64]

_TABLE = np.loadtxt(Path(__file__).parents[2] / "data/cells/ocv_lfp_prada2013.csv", delimiter=",", skiprows=1)
OCV = OcvCurve(_TABLE[:, 0].copy(), _TABLE[:, 1].copy())
MODULE = ModuleData(16, 314.0, OCV)
BLEED_OHM = 33.0
_HEAT_J_K, _COOLING_W_K, _TAU_S = 6300.0, 0.5, 60.0


@dataclass(frozen=True)
class Readings:
    """What the sensors of the modules read, ``[row]`` or ``[row, cell]``: what a broken one changes."""

    voltage_V: FloatArray
    temperature_K: FloatArray
    current_A: FloatArray
    module_V: FloatArray
    link_V: FloatArray
    fresh: NDArray[np.bool_]


Break = Callable[[Readings, float], None]
"""Changes readings in place, given the time in seconds since it broke."""


@dataclass
class World:
    """Modules, one a row; ``row`` and ``cell`` say where what goes wrong does so, from ``wrong_s`` on."""

    rows: int = 2
    row: int = 1
    cell: int = 5
    seed: int = 1
    soc: float = 0.6
    step_s: float = 1.0
    spread: float = 0.0
    """Standard deviation of the cells' state of charge."""
    current_A: Callable[[float], float] = lambda _: 0.0
    flow: float = 0.0
    commanded: int = CLOSED
    duty: Callable[[float], float] = lambda _: 0.0
    """Of the bleed resistor of ``cell``, in every row."""
    duty_lands_on: int | None = None
    leak_A: float = 0.0
    extra_ohm: float = 0.0
    capacity: float = 1.0
    extra_W: float = 0.0
    breaks: Break | None = None
    wrong_s: float = 60.0
    link_V: float | None = None
    counted: Callable[[float], float] = lambda _: 0.0
    """Mistake of the estimated state of charge."""
    limits: Mapping[str, object] = field(default_factory=dict)


class Run:
    """One run of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.diagnoses = Diagnoses(Limits.model_validate(world.limits), MODULE)
        self.watch = self.diagnoses.initial(world.rows)
        self._draw = np.random.default_rng(world.seed)
        shape = (world.rows, MODULE.cells)
        self.soc = world.soc + world.spread * self._draw.standard_normal(shape)
        self.ohm = 5e-4 * (1.0 + 0.02 * self._draw.standard_normal(shape))
        self.relaxing_V = np.zeros(shape)
        self.temperature_K = np.full(shape, 298.15)
        self.capacity_Ah = np.full(shape, MODULE.capacity_Ah) * (1.0 + 0.003 * self._draw.standard_normal(shape))
        self.capacity_Ah[world.row, world.cell] *= world.capacity

    def looks(self, duration_s: float) -> Iterator[tuple[float, Found]]:
        """Yield time and findings, look by look."""
        for number in range(round(duration_s / self.world.step_s)):
            time_s = number * self.world.step_s
            self.watch, found = self.diagnoses.step(self.watch, self.look(time_s))
            yield time_s, found

    def look(self, time_s: float) -> Look:
        """Return what is read now, and go on to the next instant."""
        world, shape = self.world, self.soc.shape
        wrong = time_s >= world.wrong_s
        asked = np.zeros(shape)
        asked[:, world.cell] = world.duty(time_s)
        bled = np.zeros(shape)
        bled[:, world.cell if world.duty_lands_on is None else world.duty_lands_on] = world.duty(time_s)
        current_A = np.full(world.rows, world.current_A(time_s))
        through_A = np.repeat(current_A[:, None], MODULE.cells, axis=1) + bled * 3.3 / BLEED_OHM
        through_A[world.row, world.cell] += wrong * world.leak_A
        ohm = self.ohm.copy()
        ohm[world.row, world.cell] += wrong * world.extra_ohm
        voltage_V = np.interp(self.soc, OCV.soc_knots, OCV.ocv_V) - ohm * through_A - self.relaxing_V
        readings = self._read(voltage_V, current_A)
        if wrong and world.breaks is not None:
            world.breaks(readings, time_s - world.wrong_s)
        self._go_on(through_A, wrong)
        now_ns = np.full(world.rows, round(time_s * 1e9), np.int64)
        measured = Measured(now_ns, readings.voltage_V, readings.temperature_K, readings.current_A, readings.fresh)
        return Look(
            measured,
            readings.module_V,
            readings.link_V,
            np.full(world.rows, np.nan),
            asked,
            asked * readings.voltage_V / BLEED_OHM,
            np.full(world.rows, world.commanded, np.int8),
            np.zeros(world.rows, np.int64),
            np.full(world.rows, world.flow),
            np.repeat(self.soc.mean(axis=1)[:, None], MODULE.cells, axis=1) + world.counted(time_s),
            "module",
        )

    def _read(self, voltage_V: FloatArray, current_A: FloatArray) -> Readings:
        """Return what sensors of the default noise and resolution say."""
        module_V = self._sensed(voltage_V.sum(axis=1), 0.005, 0.01)
        return Readings(
            self._sensed(voltage_V, 0.0005, 0.001),
            self._sensed(self.temperature_K, 0.1, 0.5),
            self._sensed(current_A, 0.05, 0.1),
            module_V,
            module_V.copy() if self.world.link_V is None else np.full(len(module_V), self.world.link_V),
            np.ones(len(module_V), np.bool_),
        )

    def _sensed(self, true: FloatArray, noise: float, resolution: float) -> FloatArray:
        read: FloatArray = np.round((true + noise * self._draw.standard_normal(true.shape)) / resolution) * resolution
        return read

    def _go_on(self, through_A: FloatArray, wrong: bool) -> None:
        world = self.world
        self.soc = self.soc - through_A * world.step_s / 3600.0 / self.capacity_Ah
        share = 1.0 - np.exp(-world.step_s / _TAU_S)
        self.relaxing_V += share * (2e-4 * through_A - self.relaxing_V)
        heat_W = 5e-4 * through_A**2 - _COOLING_W_K * (self.temperature_K - 298.15)
        heat_W[world.row, world.cell] += wrong * world.extra_W
        self.temperature_K = self.temperature_K + heat_W * world.step_s / _HEAT_J_K


@dataclass(frozen=True)
class Highest:
    """The most severe that was ever found of a code, when that was first so, and the cell then (-1: the module)."""

    level: Level
    time_s: float
    cell: int


def found_by(world: World, duration_s: float) -> list[dict[str, Highest]]:
    """Run a world and return what was found, by row and name of the code."""
    run = Run(world)
    highest: list[dict[str, Highest]] = [{} for _ in range(world.rows)]
    for time_s, found in run.looks(duration_s):
        for row, place in np.argwhere(found.level):
            name, level = run.diagnoses.codes[place].name, Level(int(found.level[row, place]))
            if name not in highest[row] or level > highest[row][name].level:
                highest[row][name] = Highest(level, time_s, int(found.cell[row, place]))
    return highest
