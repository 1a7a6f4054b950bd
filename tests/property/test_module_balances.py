"""Charge and energy of a module add up whatever is done to it, and its cells and modules are all alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worlds.module_books import CELLS, Books, signals_of
from tests.worlds.solutions.electrical_module import tables
from twin.bms import balancing
from twin.bms.balancing.strategy import Seen, Strategy
from twin.bms.module_data import ModuleData
from twin.bms.ocv import OcvCurve
from twin.plant.assembly import open_modules
from twin.plant.coupling import CoupledModules, Span
from twin.plant.options import Plant as PlantOptions
from twin.plant.pool import FloatArray
from twin.plugins import discover

EVERY = slice(None)
MODULES = 4
STEPS = 24
CELL_INPUTS = ("bleed", "balancing_current_A", "short_S", "contact_ohm")
SOC = np.linspace(0.0, 1.0, 101)
STRATEGIES = discover(balancing, Strategy)  # type: ignore[type-abstract]
DATA = ModuleData(CELLS, 314.0, OcvCurve(SOC, tables()["ocv"](SOC)))


@pytest.fixture(scope="module")
def modules() -> Iterator[CoupledModules]:
    opened = open_modules(PlantOptions(), (MODULES,), CELLS)
    yield opened
    opened.close()


def unlike(draw: np.random.Generator) -> dict[str, FloatArray]:
    """Return parameters of modules no two cells of which are alike."""
    return {
        "capacity_Ah": draw.uniform(250.0, 330.0, (MODULES, CELLS)),
        "resistance_factor": draw.uniform(0.8, 1.5, (MODULES, CELLS)),
        "soc_start": draw.uniform(0.0, 1.0, (MODULES, CELLS)),
        "self_discharge_A": draw.uniform(0.0, 0.05, (MODULES, CELLS)),
    }


def hardships(draw: np.random.Generator, violent: bool) -> dict[str, FloatArray]:
    """Return inputs of one step, faults among them, ``[module]`` or ``[module, cell]``."""
    shape = MODULES, CELLS
    some = draw.uniform(size=shape) < (0.5 if violent else 0.05)
    return {
        "current_A": draw.uniform(-300.0, 300.0, MODULES),
        "bleed": draw.uniform(0.0, 1.0, shape) * some,
        "balancing_current_A": draw.uniform(-15.0, 15.0, shape) * some,
        "short_S": draw.uniform(0.0, 20.0 if violent else 1.0, shape) * some,
        "contact_ohm": draw.uniform(0.0, 2e-3, shape) * some,
    }


def take(modules: CoupledModules, step: dict[str, FloatArray], time_s: float, step_s: float) -> None:
    for name in CELL_INPUTS:
        modules.inputs[name].write(..., step[name])
    modules.step(Span(EVERY, time_s, step_s), step["current_A"], np.full(MODULES, 295.0))


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), step_s=st.sampled_from([0.1, 1.0, 30.0]), violent=st.booleans())
def test_charge_and_energy_add_up(modules: CoupledModules, seed: int, step_s: float, violent: bool) -> None:
    draw = np.random.default_rng(seed)
    parameters = unlike(draw)
    modules.initialize(parameters, draw.uniform(275.0, 315.0, MODULES), 0.0)
    books = Books(modules, parameters["capacity_Ah"])
    factor, growth = np.ones((2, MODULES, CELLS))
    for number in range(STEPS):
        take(modules, hardships(draw, violent), number * step_s, step_s)
        if number % 6 == 0:
            factor = factor * draw.uniform(0.99, 1.0, factor.shape)
            growth = growth * draw.uniform(1.0, 1.1, growth.shape)
            books.age(factor, growth)
            take(modules, hardships(draw, violent), (number + 0.5) * step_s, 0.5 * step_s)
    assert not modules.any_failed
    assert books.largest_error() < 1e-9


@pytest.mark.parametrize("kind", STRATEGIES)
def test_charge_and_energy_add_up_under_every_balancing_strategy(modules: CoupledModules, kind: str) -> None:
    draw = np.random.default_rng(1)
    parameters = unlike(draw) | {"soc_start": draw.uniform(0.95, 1.0, (MODULES, CELLS))}
    modules.initialize(parameters, np.full(MODULES, 298.15), 0.0)
    books = Books(modules, parameters["capacity_Ah"])
    strategy = STRATEGIES[kind](kind=kind)
    state = strategy.initial(MODULES, CELLS)
    modules_A = np.linspace(-1.0, 1.0, MODULES)
    for minute in range(45):
        state, wanted = strategy.step(state, seen(modules, minute * 60.0, modules_A))
        modules.inputs["bleed"].write(..., wanted.duty)
        modules.inputs["balancing_current_A"].write(..., wanted.current_A)
        modules.step(Span(EVERY, minute * 60.0, 60.0), modules_A, np.full(MODULES, 298.15))
        assert books.largest_error() < 1e-9
    assert modules.signals.bled_Ah.any() == strategy.bleeds
    assert modules.signals.balanced_J.any() == strategy.moves
    assert (modules.signals.balanced_J >= 0.0).all()  # converters give none of their own


def seen(modules: CoupledModules, time_s: float, current_A: FloatArray) -> Seen:
    """Return what a BMS with perfect sensors and estimates sees."""
    of = modules.signals
    return Seen(
        time_ns=np.full(MODULES, int(time_s * 1e9)),
        voltage_V=of.cell_voltage_V.copy(),
        cell_soc=of.soc.copy(),
        temperature_K=of.temperature_K.copy(),
        current_A=current_A,
        lowest_V=of.cell_voltage_V.min(axis=1),
        lowest_soc=of.soc.min(axis=1),
        capacity_Ah=np.full(MODULES, 300.0),
        allowed=np.ones(MODULES, dtype=np.bool_),
        bleed_ohm=33.0,
        module=DATA,
    )


def permuted(values: dict[str, FloatArray], index: Any) -> dict[str, FloatArray]:
    return {name: value[index] if value.ndim == 2 else value for name, value in values.items()}


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), order=st.permutations(range(MODULES)))
def test_permuted_modules_permute_the_results_to_the_bit(modules: CoupledModules, seed: int, order: list[int]) -> None:
    draw = np.random.default_rng(seed)
    parameters, steps = unlike(draw), [hardships(draw, True) for _ in range(6)]
    told = []
    for index in (list(range(MODULES)), order):
        modules.initialize({name: value[index] for name, value in parameters.items()}, np.full(MODULES, 298.15), 0.0)
        for second, step in enumerate(steps):
            take(modules, {name: value[index] for name, value in step.items()}, second, 1.0)
        told.append(signals_of(modules).arrays())
    for name, array in told[0].items():
        assert np.array_equal(array[order], told[1][name]), name


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_module_turned_end_to_end_is_the_same_one(modules: CoupledModules, seed: int) -> None:
    """Cells in a row have neighbours: in the coupled pair it is the mirror image that changes nothing."""
    draw = np.random.default_rng(seed)
    parameters, steps = unlike(draw), [hardships(draw, True) for _ in range(6)]
    told = []
    for turn in (np.s_[:, :], np.s_[:, ::-1]):
        modules.initialize(permuted(parameters, turn), np.full(MODULES, 298.15), 0.0)
        for second, step in enumerate(steps):
            take(modules, permuted(step, turn), second, 1.0)
        told.append(signals_of(modules).arrays())
    for name, array in told[0].items():
        mirrored = told[1][name][:, ::-1] if array.ndim == 2 else told[1][name]
        np.testing.assert_allclose(mirrored, array, rtol=1e-9, atol=1e-9, err_msg=name)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), order=st.permutations(range(CELLS)))
def test_permuted_cells_permute_the_electrical_results(modules: CoupledModules, seed: int, order: list[int]) -> None:
    draw = np.random.default_rng(seed)
    parameters, temperatures_K = unlike(draw), draw.uniform(280.0, 310.0, (MODULES, CELLS))
    steps = [hardships(draw, True) for _ in range(6)]
    told = []
    for index in (list(range(CELLS)), order):
        modules.initialize(permuted(parameters, np.s_[:, index]), np.full(MODULES, 298.15), 0.0)
        for second, step in enumerate(steps):
            modules.signals.temperature_K[:] = temperatures_K[:, index]
            modules._warming_K_s[:] = 0.0  # the neighbours' heat is left out
            take(modules, permuted(step, np.s_[:, index]), second, 1.0)
        told.append(signals_of(modules).arrays())
    for name in ("cell_voltage_V", "soc", "heat_J"):
        np.testing.assert_allclose(told[1][name], told[0][name][:, order], rtol=1e-9, atol=1e-9, err_msg=name)
    for name in ("voltage_V", "emf_V", "resistance_ohm", "charge_Ah", "stored_J", "board_heat_J"):
        np.testing.assert_allclose(told[1][name], told[0][name], rtol=1e-9, atol=1e-9, err_msg=name)
