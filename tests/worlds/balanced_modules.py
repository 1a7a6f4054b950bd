"""Modules at rest that a balancing strategy acts on: real cells, a BMS whose estimates are exact."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.bms.balancing.strategy import Seen, State, Strategy, Wanted
from twin.bms.module_data import ModuleData
from twin.bms.ocv import OcvCurve
from twin.modelica.build import build
from twin.plant.backends import open_pool

FloatArray = NDArray[np.float64]

CELLS = 16
CAPACITY_AH = 314.0
_CURVE = Path(__file__).parents[2] / "data" / "cells" / "ocv_lfp_prada2013.csv"
MODULE = ModuleData(CELLS, CAPACITY_AH, OcvCurve(*np.loadtxt(_CURVE, delimiter=",", skiprows=1).T))


def seen(cell_soc: FloatArray, voltage_V: FloatArray | float = 3.3, time_s: float = 0.0) -> Seen:
    """Return what a BMS sees of modules at rest and 25 degC, each on its own: ``cell_soc[row, cell]``."""
    voltages_V = np.broadcast_to(voltage_V, cell_soc.shape).astype(np.float64)
    rows = len(cell_soc)
    return Seen(
        time_ns=np.full(rows, round(time_s * 1e9)),
        voltage_V=voltages_V,
        cell_soc=cell_soc,
        temperature_K=np.full(cell_soc.shape, 298.15),
        current_A=np.zeros(rows),
        lowest_V=voltages_V.min(axis=1),
        lowest_soc=cell_soc.min(axis=1),
        capacity_Ah=np.full(rows, CAPACITY_AH),
        allowed=np.ones(rows, np.bool_),
        bleed_ohm=33.0,
        module=MODULE,
    )


@dataclass
class Balanced:
    """One module of real cells, looked at by ``strategy`` every ``step_s``."""

    strategy: Strategy
    soc_start: FloatArray
    bleed_ohm: float = 33.0
    step_s: float = 60.0
    time_s: float = 0.0
    active_s: float = 0.0
    """For how long anything was balanced."""
    wanted: Wanted = field(init=False)
    _state: State = field(init=False)

    def __post_init__(self) -> None:
        cells = range(1, CELLS + 1)
        inputs = [f"{name}[{cell}]" for name in ("bleed", "balancing_current_A") for cell in cells]
        outputs = [f"{name}[{cell}]" for name in ("soc", "cell_voltage_V") for cell in cells]
        self._pool = open_pool(build("module_electrical", "2.0"), 1, ["current_A", *inputs], outputs)
        self._pool.initialize({"soc_start": self.soc_start, "bleed_ohm": self.bleed_ohm})
        self._state = self.strategy.initial(1, CELLS)
        self.wanted = Wanted.nothing((1, CELLS))

    @property
    def soc(self) -> FloatArray:
        """State of charge of each cell."""
        return self._pool.outputs[0, :CELLS].copy()

    def step(self, current_A: float = 0.0) -> None:
        """Look at the module, then go on for a step with that current."""
        now = seen(self.soc[None], self._pool.outputs[:, CELLS:], self.time_s)
        now = replace(now, current_A=np.array([current_A]), bleed_ohm=self.bleed_ohm)
        self._state, self.wanted = self.strategy.step(self._state, now)
        self._pool.inputs[0] = current_A, *self.wanted.duty[0], *self.wanted.current_A[0]
        self._pool.step(self.time_s, self.step_s)
        self.time_s += self.step_s
        self.active_s += self.step_s if self.busy else 0.0

    @property
    def busy(self) -> bool:
        """Whether anything is balanced now."""
        return bool(self.wanted.duty.any() or self.wanted.current_A.any())

    def rest(self) -> None:
        """Let the module rest until nothing is balanced any more."""
        self.step()
        while self.busy:
            self.step()
