"""What every estimator of the state of charge promises: rows do not know each other, nor do cells' numbers matter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.worlds.battery_days import module_data
from twin.bms import estimators
from twin.bms.estimators.estimator import Condition, Estimate, Estimator
from twin.bms.estimators.health import Health, HealthOptions
from twin.bms.measured import Measured
from twin.bms.rows import put, take
from twin.plugins import discover

KINDS = discover(estimators, Estimator)  # type: ignore[type-abstract]
ROWS, STEPS = 9, 400
MODULE = module_data()
CELLS = np.arange(MODULE.cells)
HEALTH = HealthOptions()
Believed = tuple[Estimate, Health]


def _samples(cells: np.ndarray[Any, Any]) -> list[tuple[Measured, np.ndarray[Any, Any]]]:
    """Return what sensors say over 13 hours, with knees, rests, full modules and readings that are not fresh."""
    random = np.random.default_rng(5)
    found = []
    for step in range(STEPS):
        current_A = random.uniform(-80.0, 80.0, ROWS) * (np.arange(ROWS) % 3 > 0)
        voltage_V = np.linspace(2.6, 3.52, ROWS)[:, None] + random.normal(0.0, 0.003, (ROWS, MODULE.cells))
        temperature_K = random.uniform(285.0, 305.0, (ROWS, MODULE.cells))
        drawn_A = 0.1 * random.integers(0, 2, (ROWS, MODULE.cells))
        time_ns = np.full(ROWS, step * 120_000_000_000) + np.arange(ROWS)
        fresh = random.random(ROWS) < 0.9
        found.append(
            (Measured(time_ns, voltage_V[:, cells], temperature_K[:, cells], current_A, fresh), drawn_A[:, cells])
        )
    return found


def _believed(kind: str, rows: slice = slice(None), cells: np.ndarray[Any, Any] = CELLS) -> Believed:
    estimator: Estimator[Any] = KINDS[kind](kind=kind)
    soc = np.linspace(0.05, 0.95, ROWS)[rows]
    estimate, health = estimator.initial(soc, MODULE), HEALTH.initial(len(soc), MODULE)
    for measured, drawn_A in _samples(cells):
        some = Measured(*(np.ascontiguousarray(getattr(measured, name)[rows]) for name in measured.__annotations__))
        estimate = estimator.step(estimate, some, drawn_A[rows], health.condition, MODULE)
        health = HEALTH.step(health, some, drawn_A[rows], estimate, MODULE)
    return estimate, health


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_alone_has_the_same_bits_as_among_others(kind: str) -> None:
    together = _believed(kind)
    for row in (0, 4, ROWS - 1):
        alone = _believed(kind, slice(row, row + 1))
        for one, all_rows in zip(alone, together, strict=True):
            _same(one, take(all_rows, np.array([row])))


def _same(one: Any, other: Any) -> None:
    for name in one.__dataclass_fields__:
        left, right = getattr(one, name), getattr(other, name)
        if isinstance(left, np.ndarray):
            np.testing.assert_array_equal(left, right, err_msg=name)
        else:
            _same(left, right)


@pytest.mark.parametrize("kind", KINDS)
def test_permuting_cells_permutes_their_soc_and_nothing_else(kind: str) -> None:
    cells = np.random.default_rng(6).permutation(MODULE.cells)
    (estimate, health), (permuted, permuted_health) = _believed(kind), _believed(kind, cells=cells)
    assert np.array_equal(permuted.cell_soc, estimate.cell_soc[:, cells])
    assert np.array_equal(permuted.soc, estimate.soc)
    _same(permuted_health, health)
    assert np.ptp(estimate.cell_soc, axis=1).max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_beliefs_stay_within_bounds_whatever_broken_sensors_say(kind: str) -> None:
    estimator: Estimator[Any] = KINDS[kind](kind=kind)
    estimate, health = estimator.initial(np.array([0.5, 0.5]), MODULE), HEALTH.initial(2, MODULE)
    for step in range(60):
        measured = Measured(
            np.full(2, step * 60_000_000_000),
            np.array([np.zeros(MODULE.cells), np.full(MODULE.cells, 5.0)]),
            np.array([np.full(MODULE.cells, 233.15), np.full(MODULE.cells, 398.15)]),
            np.array([2000.0, -2000.0]) * (step % 7),
            np.ones(2, np.bool_),
        )
        estimate = estimator.step(estimate, measured, np.zeros((2, MODULE.cells)), health.condition, MODULE)
        health = HEALTH.step(health, measured, np.zeros((2, MODULE.cells)), estimate, MODULE)
        assert ((estimate.soc >= 0.0) & (estimate.soc <= 1.0)).all()
        assert np.isfinite(estimate.cell_soc).all()
        assert np.isfinite(estimate.soc_sd).all()
        assert ((health.soh >= 0.25) & (health.soh <= 4.0)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_states_can_be_written_row_by_row(kind: str) -> None:
    estimator: Estimator[Any] = KINDS[kind](kind=kind)
    state, health = estimator.initial(np.linspace(0.2, 0.8, ROWS), MODULE), HEALTH.initial(ROWS, MODULE)
    untouched = take(state, np.arange(ROWS)), take(health, np.arange(ROWS))
    measured, drawn_A = _samples(CELLS)[1]
    measured = replace(measured, fresh=np.ones(ROWS, np.bool_))
    new = estimator.step(state, measured, drawn_A, Condition.new(ROWS, MODULE), MODULE)
    row = np.array([4])
    put(state, row, take(new, row))
    put(health, row, take(HEALTH.step(health, measured, drawn_A, new, MODULE), row))
    others = np.delete(np.arange(ROWS), 4)
    for now, before in zip((state, health), untouched, strict=True):
        _same(take(now, others), take(before, others))
    _same(take(state, row), take(new, row))
