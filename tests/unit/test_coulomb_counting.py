"""Counting charge, and the two moments at which voltage knows better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from twin.bms.estimators.coulomb_counting import CoulombCounter, Count
from twin.bms.estimators.estimator import Condition
from twin.bms.measured import Measured
from twin.bms.module_data import ModuleData
from twin.bms.ocv import OcvCurve

SECOND = 1_000_000_000
CURVE = OcvCurve(np.array([0.0, 0.1, 0.9, 1.0]), np.array([2.5, 3.2, 3.35, 3.5]))
MODULE = ModuleData(4, 100.0, CURVE)
COUNTER = CoulombCounter()


def _step(
    state: Count, second: int, current_A: float, voltage_V: float, *, fresh: bool = True, drawn_A: float = 0.0
) -> Count:
    measured = Measured(
        np.array([second * SECOND]),
        voltage_V + np.array([[0.0, 0.01, -0.01, 0.0]]),
        np.full((1, 4), 298.15),
        np.array([current_A]),
        np.array([fresh]),
    )
    return COUNTER.step(state, measured, np.array([[drawn_A, 0.0, 0.0, 0.0]]), Condition.new(1, MODULE), MODULE)


def _run(current_A: float, voltage_V: float, seconds: int, *, fresh: bool = True, drawn_A: float = 0.0) -> Count:
    state = COUNTER.initial(np.array([0.5]), MODULE)
    for second in range(0, seconds + 1, 10):
        state = _step(state, second, current_A, voltage_V, fresh=fresh, drawn_A=drawn_A)
    return state


@pytest.mark.parametrize(
    ("current_A", "voltage_V", "seconds", "expected"),
    [
        (50.0, 3.25, 3600, 0.0),
        (25.0, 3.25, 3600, 0.25),
        (-25.0, 3.33, 3600, 0.75),
        (-4.0, 3.51, 60, 1.0),
        (-20.0, 3.51, 60, 0.5 + 20 * 60 / 3600 / 100),
        (0.0, 2.85, 3600, 0.05),
        (0.0, 2.85, 1200, 0.5),
        (0.0, 3.25, 7200, 0.5),
    ],
    ids=[
        "discharge",
        "half of it",
        "charge",
        "full: small charging current at a high voltage",
        "high voltage of a high current is not full",
        "rest on the steep part corrects",
        "too short a rest does not",
        "rest on the plateau does not",
    ],
)
def test_soc(current_A: float, voltage_V: float, seconds: int, expected: float) -> None:
    assert _run(current_A, voltage_V, seconds).soc[0] == pytest.approx(expected, abs=1e-8)


def test_a_reading_that_is_not_fresh_corrects_nothing() -> None:
    assert _run(0.0, 2.85, 3600, fresh=False).soc[0] == 0.5
    assert _run(-4.0, 3.51, 3600, fresh=False).soc[0] == pytest.approx(0.54)


def test_a_rest_on_the_steep_part_tells_cells_apart() -> None:
    # 7 V a unit of SOC: 10 mV are 0.00143.
    assert _run(0.0, 2.85, 3600).cell_soc[0] == pytest.approx([0.05, 0.05143, 0.04857, 0.05], abs=2e-5)


def test_what_balancing_draws_is_counted_where_it_is_drawn() -> None:
    after = _run(0.0, 3.25, 3600, drawn_A=4.0)
    assert after.soc[0] == pytest.approx(0.49, abs=1e-8)
    assert after.cell_soc[0] == pytest.approx([0.46, 0.5, 0.5, 0.5], abs=1e-8)


def test_a_count_is_trusted_less_the_more_it_has_counted() -> None:
    begun, rested = _run(0.0, 2.85, 0), _run(0.0, 2.85, 3600)
    moved = _step(_step(rested, 3610, 50.0, 3.2), 3610 + 3600, 50.0, 3.2)
    assert rested.soc_sd[0] < moved.soc_sd[0] < begun.soc_sd[0]


def test_the_first_sample_counts_nothing() -> None:
    assert _step(COUNTER.initial(np.array([0.5]), MODULE), 3600, 1000.0, 3.2).soc[0] == 0.5


def test_a_smaller_module_is_emptied_sooner() -> None:
    state = _step(COUNTER.initial(np.array([0.5]), MODULE), 0, 0.0, 3.25)
    measured = Measured(
        np.array([3600 * SECOND]), np.full((1, 4), 3.25), np.full((1, 4), 298.15), np.array([25.0]), np.array([True])
    )
    smaller = replace(Condition.new(1, MODULE), capacity_Ah=np.array([50.0]))
    assert COUNTER.step(state, measured, np.zeros((1, 4)), smaller, MODULE).soc[0] == pytest.approx(0.0, abs=1e-12)
