"""Two cases on which the coupled FMUs are held against one system solved by SciPy.

``square_wave``: one module, +-280 A, an hour; ``parallel``: four modules of unequal charge on unequal links behind a
constant-power inverter, half an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from tests.worlds.solutions.coupled_module import CELLS, Modules, Trajectory, parallel_currents, solve
from twin.plant.assembly import open_modules, open_plant
from twin.plant.coupling import Span
from twin.plant.options import Plant as PlantOptions
from twin.plant.plant import Plant, Wiring
from twin.plant.pool import FloatArray

HALF_PERIOD_S, HOUR_S = 600, 3600
CURRENT_A = 280.0
SAMPLE_S = 120
WAVE_SOC = np.linspace(0.45, 0.55, CELLS)[None]
WAVE_BLEED = np.where(np.arange(CELLS) == 3, 1.0, 0.0)[None]

PARALLEL_S = 1800
PARALLEL_SAMPLE_S = 60
POWERS_W = (7500.0, -6000.0, 0.0)
PARALLEL_SOC = np.array([0.45, 0.50, 0.56, 0.60])[:, None] * np.ones(CELLS)
LINK_OHM = np.array([0.001, 0.002, 0.003, 0.004])


@dataclass(frozen=True)
class Errors:
    """The largest differences from the exact solution, over all samples, modules and cells."""

    temperature_K: float
    soc: float
    housing_K: float


def wave_A(time_s: float) -> float:
    """Return the square wave at an instant between its edges."""
    return CURRENT_A if int(time_s // HALF_PERIOD_S) % 2 == 0 else -CURRENT_A


@cache
def square_wave() -> Trajectory:
    """Return the exact solution of one module at every ``SAMPLE_S``."""
    edges_s = np.arange(HALF_PERIOD_S, HOUR_S + 1, HALF_PERIOD_S, dtype=np.float64)
    samples_s = np.arange(SAMPLE_S, HOUR_S + 1, SAMPLE_S, dtype=np.float64)
    return solve(Modules(WAVE_SOC, WAVE_BLEED), lambda t, _: np.array([wave_A(t)]), edges_s, samples_s)


def coupled_wave(step_s: int, options: PlantOptions | None = None) -> Errors:
    """Return the errors of the coupled FMUs under the square wave at a step that divides ``SAMPLE_S``."""
    modules = open_modules(options or PlantOptions(), (1,), CELLS)
    modules.initialize({"soc_start": WAVE_SOC}, np.array([298.15]), 0.0)
    modules.inputs["bleed"].write(..., WAVE_BLEED)
    ambient_K = np.array([298.15])
    found: list[Errors] = []
    for start_s in range(0, HOUR_S, step_s):
        span = Span(slice(None), float(start_s), float(step_s))
        modules.step(span, np.array([wave_A(start_s + 0.5 * step_s)]), ambient_K)
        if (start_s + step_s) % SAMPLE_S == 0:
            signals = modules.signals
            found.append(_errors(signals.temperature_K, signals.soc, signals.housing_K, square_wave(), len(found)))
    modules.close()
    return _largest(found)


@cache
def parallel() -> Trajectory:
    """Return the exact solution of four modules at every ``PARALLEL_SAMPLE_S``."""
    modules = Modules(PARALLEL_SOC, np.zeros_like(PARALLEL_SOC))

    def currents_A(time_s: float, state: FloatArray) -> FloatArray:
        emf_V, cell_ohm = modules.source(state)
        return parallel_currents(emf_V.sum(axis=1), cell_ohm.sum(axis=1) + LINK_OHM, power_W(time_s))

    edges_s = np.arange(HALF_PERIOD_S, PARALLEL_S + 1, HALF_PERIOD_S, dtype=np.float64)
    samples_s = np.arange(PARALLEL_SAMPLE_S, PARALLEL_S + 1, PARALLEL_SAMPLE_S, dtype=np.float64)
    return solve(modules, currents_A, edges_s, samples_s)


def power_W(time_s: float) -> float:
    """Return what the inverter takes at an instant between the edges."""
    return POWERS_W[int(time_s // HALF_PERIOD_S)]


def coupled_parallel(step_s: int) -> tuple[Errors, Plant]:
    """Return the errors of a plant of four modules at a step that divides ``PARALLEL_SAMPLE_S``, and the plant."""
    parameters = {"soc_start": PARALLEL_SOC[None]}
    plant = open_plant(PlantOptions(), Wiring(1, 1, 4, CELLS), parameters, 298.15, link_ohm=LINK_OHM, in_operation=True)
    plant.ambient_K[:] = 298.15
    found: list[Errors] = []
    for start_s in range(0, PARALLEL_S, step_s):
        plant.request_W[:] = power_W(start_s + 0.5 * step_s)
        events = plant.advance(start_s * 10**9, (start_s + step_s) * 10**9, [])
        assert not events
        if (start_s + step_s) % PARALLEL_SAMPLE_S == 0:
            found.append(_errors(plant.temperature_K[0], plant.soc[0], plant.housing_K[0], parallel(), len(found)))
    return _largest(found), plant


def _errors(temperature_K: FloatArray, soc: FloatArray, housing_K: FloatArray, exact: Trajectory, k: int) -> Errors:
    """Return the errors at the ``k``-th sample."""
    differences = temperature_K - exact.temperature_K[k], soc - exact.soc[k], housing_K - exact.housing_K[k]
    return Errors(*(float(np.abs(difference).max()) for difference in differences))


def _largest(found: list[Errors]) -> Errors:
    return Errors(*(max(column) for column in zip(*(vars(one).values() for one in found), strict=True)))
