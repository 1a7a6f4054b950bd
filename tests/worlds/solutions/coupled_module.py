"""Electrical and thermal equations of modules as one system, solved by SciPy: the judge of their co-simulation.

Written from the equations of ``fmus/module_electrical`` and ``fmus/module_thermal`` without their code. Modules in
parallel are a differential-algebraic system: at every instant the bus voltage is the root of Kirchhoff's current law.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from tests.worlds.solutions.electrical_module import tables

FloatArray = NDArray[np.float64]

CELLS = 16
REFERENCE_K = 298.15
BLEED_OHM = 33.0
SELF_DISCHARGE_A = 0.0044
FAST_S, SLOW_S = 20.0, 300.0
CELL_J_K, HOUSING_J_K = 6300.0, 9800.0
CELL_CELL_W_K, CELL_HOUSING_W_K, END_PLATE_W_K, HOUSING_AMBIENT_W_K = 0.36, 2.5, 0.7, 7.8


@dataclass(frozen=True)
class Modules:
    """Modules of 16 cells; ``soc_start``, ``bleed``: ``[module, cell]``."""

    soc_start: FloatArray
    bleed: FloatArray
    start_K: float = REFERENCE_K
    ambient_K: float = REFERENCE_K

    def start(self) -> FloatArray:
        """Return the state at rest: ``[module, 4 x 16 + 1]``, SOC, u1, u2, temperatures, housing."""
        zeros, warm = np.zeros_like(self.soc_start), np.full_like(self.soc_start, self.start_K)
        return np.hstack([self.soc_start, zeros, zeros, warm, warm[:, :1]])

    def source(self, state: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return each cell's emf and resistance, its bleed resistor included, ``[module, cell]``."""
        soc, u1, u2, temperature_K, _ = _split(state)
        emf_V = self._ocv(soc, temperature_K) - u1 - u2
        divided = 1.0 + self._ohm(2.0e-4, 2000.0, "ohmic", soc, temperature_K) * self.bleed / BLEED_OHM
        return emf_V / divided, self._ohm(2.0e-4, 2000.0, "ohmic", soc, temperature_K) / divided

    def rates(self, state: FloatArray, current_A: FloatArray) -> FloatArray:
        """Return the state's derivative at ``current_A[module]``."""
        soc, u1, u2, temperature_K, housing_K = _split(state)
        emf_V, cell_ohm = self.source(state)
        voltage_V = emf_V - cell_ohm * current_A[:, None]
        bleed_A = voltage_V * self.bleed / BLEED_OHM
        cell_A = current_A[:, None] + bleed_A
        r0 = self._ohm(2.0e-4, 2000.0, "ohmic", soc, temperature_K)
        r1 = self._ohm(1.2e-4, 4000.0, "polarisation", soc, temperature_K)
        r2 = self._ohm(1.8e-4, 4000.0, "polarisation", soc, temperature_K)
        joule_W = r0 * cell_A**2 + u1**2 / r1 + u2**2 / r2
        reversible_W = -cell_A * temperature_K * tables()["entropic"](soc)
        lost_W = SELF_DISCHARGE_A * self._ocv(soc, temperature_K)
        warming, housing = self._thermal(
            temperature_K, housing_K, joule_W + reversible_W + lost_W, (bleed_A * voltage_V).sum(axis=1)
        )
        return np.hstack(
            [
                -(cell_A + SELF_DISCHARGE_A) / (3600.0 * 314.0),
                (r1 * cell_A - u1) / FAST_S,
                (r2 * cell_A - u2) / SLOW_S,
                warming,
                housing[:, None],
            ]
        )

    def _thermal(
        self, temperature_K: FloatArray, housing_K: FloatArray, heat_W: FloatArray, board_W: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        to_next_W = -np.diff(temperature_K, axis=1) * CELL_CELL_W_K
        bottom_W_K = np.full(CELLS, CELL_HOUSING_W_K)
        bottom_W_K[[0, -1]] += END_PLATE_W_K
        to_housing_W = bottom_W_K * (temperature_K - housing_K[:, None])
        kept_W = heat_W - to_housing_W
        kept_W[:, :-1] -= to_next_W
        kept_W[:, 1:] += to_next_W
        to_ambient_W = HOUSING_AMBIENT_W_K * (housing_K - self.ambient_K)
        return kept_W / CELL_J_K, (board_W + to_housing_W.sum(axis=1) - to_ambient_W) / HOUSING_J_K

    def _ocv(self, soc: FloatArray, temperature_K: FloatArray) -> FloatArray:
        return tables()["ocv"](soc) + (temperature_K - REFERENCE_K) * tables()["entropic"](soc)

    @staticmethod
    def _ohm(ohm: float, activation_K: float, table: str, soc: FloatArray, temperature_K: FloatArray) -> FloatArray:
        return ohm * np.exp(activation_K * (1 / temperature_K - 1 / REFERENCE_K)) * tables()[table](soc)


@dataclass(frozen=True)
class Trajectory:
    """A solution at the instants asked for: ``temperature_K``, ``soc`` ``[time, module, cell]``; the rest by module."""

    temperature_K: FloatArray
    soc: FloatArray
    housing_K: FloatArray
    current_A: FloatArray


def parallel_currents(emf_V: FloatArray, resistance_ohm: FloatArray, power_W: float) -> FloatArray:
    """Return the currents of modules in parallel that deliver ``power_W``: Kirchhoff's law, solved by bisection."""

    def surplus_A(voltage_V: float) -> float:
        return float(((emf_V - voltage_V) / resistance_ohm).sum() - power_W / voltage_V)

    mean_V = float(emf_V.mean())
    voltage_V = brentq(surplus_A, 0.8 * mean_V, 1.2 * mean_V, xtol=1e-13, rtol=1e-14)
    return (emf_V - voltage_V) / resistance_ohm


def solve(
    modules: Modules, currents: Callable[[float, FloatArray], FloatArray], breaks_s: FloatArray, times_s: FloatArray
) -> Trajectory:
    """Integrate to each of ``times_s``, stopping at ``breaks_s`` where ``currents(time_s, state)[module]`` jumps.

    The current of a stretch between breaks is that of its middle as far as time goes.
    """
    count = len(modules.soc_start)
    state, now_s = modules.start(), 0.0
    found = []
    for stop_s in np.union1d(breaks_s, times_s):
        middle_s = 0.5 * (now_s + stop_s)

        def rates(_: float, flat: FloatArray, middle_s: float = middle_s) -> FloatArray:
            here = flat.reshape(count, -1)
            return modules.rates(here, currents(middle_s, here)).ravel()

        if stop_s > now_s:
            solution = solve_ivp(rates, (now_s, stop_s), state.ravel(), method="DOP853", rtol=1e-10, atol=1e-11)
            state, now_s = solution.y[:, -1].reshape(count, -1), stop_s
        if stop_s in times_s:
            found.append((*(_split(state)[k] for k in (3, 0, 4)), currents(middle_s, state)))
    return Trajectory(*(np.array(column) for column in zip(*found, strict=True)))


def _split(state: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    soc, u1, u2, temperature_K = (state[:, k * CELLS : (k + 1) * CELLS] for k in range(4))
    return soc, u1, u2, temperature_K, state[:, -1]
