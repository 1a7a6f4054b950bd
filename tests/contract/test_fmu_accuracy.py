"""The module FMUs against SciPy: an hour of 1 s steps, every input moving every second, both FMI versions alike."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.worlds.solutions import electrical_module, stored, thermal_module
from twin.modelica.build import build, models
from twin.modelica.expected import FloatArray, load, replay
from twin.plant.backends import open_pool

HOUR_S = 3600


def names(variable: str) -> list[str]:
    return [f"{variable}[{cell}]" for cell in range(1, 17)]


def row(values: object) -> FloatArray:
    return np.concatenate([np.atleast_1d(value) for value in vars(values).values()])


def simulate(
    path: Path, inputs: Sequence[object], columns: list[str], outputs: list[str], **start: FloatArray
) -> FloatArray:
    pool = open_pool(path, 1, columns, outputs)
    pool.inputs[0] = row(inputs[0])
    pool.initialize(start)
    results = []
    for second, now in enumerate(inputs):
        pool.inputs[0] = row(now)
        pool.step(float(second), 1.0)
        results.append(pool.outputs[0].copy())
    pool.close()
    return np.array(results)


ELECTRICAL_INPUTS = [
    "current_A",
    *(n for v in ("temperature_K", "bleed", "balancing_current_A", "short_S", "contact_ohm") for n in names(v)),
    *(n for v in ("capacity_factor", "resistance_growth") for n in names(v)),
]
ELECTRICAL_OUTPUTS = [
    "voltage_V",
    *(n for v in ("cell_voltage_V", "soc", "heat_J") for n in names(v)),
    *("charge_Ah", *electrical_module.COUNTERS),
]


@cache
def electrical_solution() -> FloatArray:
    parameters = stored.electrical_parameters()
    state = electrical_module.start(parameters)
    rows = []
    for second in range(HOUR_S):
        inputs = stored.electrical_inputs(second)
        state = electrical_module.step(parameters, inputs, state, 1.0)
        rows.append(np.concatenate(list(electrical_module.outputs(parameters, inputs, state).values())))
    return np.array(rows)


def test_electrical_module_is_the_solution_by_scipy() -> None:
    inputs = [stored.electrical_inputs(second) for second in range(HOUR_S)]
    start = vars(stored.electrical_parameters())
    of = {
        fmi: simulate(build("module_electrical", fmi), inputs, ELECTRICAL_INPUTS, ELECTRICAL_OUTPUTS, **start)
        for fmi in ("2.0", "3.0")
    }
    assert np.array_equal(of["2.0"], of["3.0"])
    error = np.abs(of["2.0"] - electrical_solution())
    assert error[:, :17].max() < 1e-8  # V
    assert error[:, 17:33].max() < 1e-12  # soc
    assert error[:, 33:49].max() < 1e-5  # J, of 55 kJ
    for place, name in enumerate(("charge_Ah", *electrical_module.COUNTERS), start=49):
        largest = np.abs(electrical_solution()[:, place]).max()
        assert error[:, place].max() < 1e-9 * largest, name


def test_thermal_module_is_the_exact_solution() -> None:
    inputs = [stored.thermal_inputs(second) for second in range(HOUR_S)]
    columns = [*names("heat_W"), "board_heat_W", "ambient_K", "cooling"]
    outputs = [*names("temperature_K"), "housing_K"]
    of = {fmi: simulate(build("module_thermal", fmi), inputs, columns, outputs) for fmi in ("2.0", "3.0")}
    state = np.full(17, 298.15)
    solution = [state := thermal_module.step(now, state, 1.0) for now in inputs]
    assert np.array_equal(of["2.0"], of["3.0"])
    assert np.abs(of["2.0"] - np.array(solution)).max() < 1e-6


@pytest.mark.parametrize("model", models())
def test_stored_trajectory_is_what_scipy_says_today(model: str) -> None:
    now = np.array([[float(n) for n in line.split(",")] for line in stored.text(model).splitlines()[1:]])
    before = np.array([*load(stored.path(model)).columns.values()]).T
    assert np.abs(now[:, 1:] - before).max() <= 1e-9 * np.abs(before).max()


@pytest.mark.parametrize("model", models())
def test_every_model_follows_its_stored_trajectory(model: str) -> None:
    expected = load(stored.path(model))
    outputs = [name for name in expected.columns if name.partition("[")[0] in OUTPUTS[model]]
    parameters = [name for name in expected.columns if name.partition("[")[0] in vars(stored.electrical_parameters())]
    inputs = [name for name in expected.columns if name not in (*outputs, *parameters)]
    pool = open_pool(build(model, "2.0"), 1, inputs, outputs)
    pool.initialize({name: expected.columns[name][0] for name in parameters})

    def step(of_row: int, time_s: float, step_s: float) -> FloatArray:
        pool.inputs[0] = [expected.columns[name][of_row] for name in inputs]
        pool.step(time_s, step_s)
        return pool.outputs[0].copy()

    deviations = replay(expected, step, outputs)
    assert [d for d in deviations if not d.is_allowed] == []


OUTPUTS = {
    "inverter_control": ("power_limit_W", "counter"),
    "module_electrical": ("voltage_V", "cell_voltage_V", "soc", "heat_J", "charge_Ah", *electrical_module.COUNTERS),
    "module_thermal": ("temperature_K", "housing_K"),
    "verification_cell": ("voltage_V", "soc", "temperature_K", "jig_temperature_K"),
}
