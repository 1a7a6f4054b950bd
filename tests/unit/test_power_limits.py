"""Limits of current: tapers near each limit, a model that looks ahead, and the pack's share of it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds.battery_days import CELLS, module_data
from twin.bms import power_limits
from twin.bms.limit_levels import Limits
from twin.bms.power_limits.model import Model
from twin.bms.power_limits.power_limits import FloatArray, PowerLimits, Rise, Seen, pack_limit_A, smooth
from twin.bms.power_limits.taper import Taper
from twin.plant.assembly import open_modules
from twin.plant.coupling import Span
from twin.plant.options import Plant as PlantOptions
from twin.plugins import discover

LIMITS = Limits()
MODULE = module_data()
MOST_A = np.array([100.0, 200.0])
FULL_V, EMPTY_V = 3.53, 2.92


def _seen(highest_V: float, lowest_V: float, hottest_K: float = 298.15, coldest_K: float = 298.15) -> Seen:
    values = (highest_V, lowest_V, hottest_K, coldest_K, 0.0, 1.0, MODULE.capacity_Ah)
    return Seen(*(np.array([value]) for value in values))


@pytest.mark.parametrize(
    ("seen", "expected_A"),
    [
        (_seen(3.30, 3.28), (100.0, 200.0)),
        (_seen(FULL_V - 0.05, 3.4), (50.0, 200.0)),
        (_seen(FULL_V + 0.01, 3.4), (0.0, 200.0)),
        (_seen(3.1, EMPTY_V + 0.025), (100.0, 50.0)),
        (_seen(3.1, EMPTY_V - 0.1), (100.0, 0.0)),
        (_seen(3.3, 3.3, hottest_K=323.15 - 1.0), (20.0, 40.0)),
        (_seen(3.3, 3.3, coldest_K=273.15 + 2.5), (50.0, 200.0)),
        (_seen(3.3, 3.3, coldest_K=263.15), (0.0, 200.0)),
    ],
    ids=["middle", "nearly full", "full", "nearly empty", "empty", "hot", "cool", "cold"],
)
def test_a_taper(seen: Seen, expected_A: tuple[float, float]) -> None:
    assert Taper().allowed_A(seen, LIMITS, MOST_A, MODULE)[0] == pytest.approx(expected_A, abs=1e-9)


@pytest.mark.parametrize(
    ("seen", "expected_A"),
    [
        (_seen(3.30, 3.28), (100.0, 200.0)),
        (_seen(3.3, 3.3, hottest_K=323.15 - 1.0), (20.0, 40.0)),
        (_seen(3.3, 3.3, coldest_K=263.15), (0.0, 200.0)),
        (_seen(FULL_V, 3.4), (0.0, 200.0)),
        (_seen(3.1, EMPTY_V), (100.0, 0.0)),
    ],
    ids=["middle", "hot", "cold", "full", "empty"],
)
def test_a_model_where_it_needs_none(seen: Seen, expected_A: tuple[float, float]) -> None:
    assert Model().allowed_A(seen, LIMITS, MOST_A, MODULE)[0] == pytest.approx(expected_A, abs=1e-9)


START = np.array([0.082, 0.085, 0.09, 0.1, 0.9935, 0.994, 0.995, 0.996])
"""States of charge from which the limit, not the recommended current, counts."""
COLD_K = 278.15


@pytest.mark.parametrize("resistance_factor", [1.0, 1.5])
def test_the_model_s_current_keeps_cells_within_their_limits_over_its_horizon(resistance_factor: float) -> None:
    modules = open_modules(PlantOptions(), START.shape, CELLS)
    ones = np.ones((len(START), CELLS))
    start = {"soc_start": START[:, None] * ones, "resistance_factor": resistance_factor * ones}
    modules.initialize(start, np.full(len(START), COLD_K), 0.0)
    modules.step(Span(slice(None), 0.0, 1.0), np.zeros(len(START)), np.full(len(START), COLD_K))
    allowed_A = _allowed_A(Model(), modules.signals.cell_voltage_V, resistance_factor)
    discharging = START < 0.5
    current_A = np.where(discharging, allowed_A[:, 1], -allowed_A[:, 0])
    assert (np.abs(current_A) < np.where(discharging, 199.0, 99.0)).all()  # it limits
    for second in range(1, 11):
        modules.step(Span(slice(None), float(second), 1.0), current_A, np.full(len(START), COLD_K))
    voltage_V = modules.signals.cell_voltage_V[:, 0].copy()
    modules.close()
    beyond_V = np.where(discharging, EMPTY_V - voltage_V, voltage_V - FULL_V)
    assert (beyond_V <= 0.001).all()  # the resolution of the sensors; the first alarm is 20 mV further
    assert (beyond_V > -0.01).all()  # and not by being timid


def _allowed_A(method: PowerLimits, voltage_V: FloatArray, resistance_factor: float) -> FloatArray:
    shape = voltage_V.shape[:1]
    seen = Seen(
        voltage_V.max(axis=1),
        voltage_V.min(axis=1),
        *(np.full(shape, value) for value in (COLD_K, COLD_K, 0.0, resistance_factor, MODULE.capacity_Ah)),
    )
    wide = Limits.model_validate(
        {"undertemperature_K": LIMITS.undertemperature_K.model_copy(update={"warning": 263.5, "info": 264.0})}
    )
    return method.allowed_A(seen, wide, MOST_A, MODULE)


@pytest.mark.parametrize("kind", discover(power_limits, PowerLimits))  # type: ignore[type-abstract]
def test_any_shape_gives_the_same_as_module_by_module(kind: str) -> None:
    method = discover(power_limits, PowerLimits)[kind](kind=kind)  # type: ignore[type-abstract]
    random = np.random.default_rng(3)
    bounds = ((3.1, 3.6), (2.8, 3.3), (270.0, 330.0), (260.0, 300.0), (-100.0, 100.0), (0.9, 2.0), (200.0, 320.0))
    columns = [random.uniform(low, high, (5, 4)) for low, high in bounds]
    together_A = method.allowed_A(Seen(*columns), LIMITS, MOST_A, MODULE)
    assert together_A.shape == (5, 4, 2)
    for place in np.ndindex(5, 4):
        alone = Seen(*(column[place][None] for column in columns))
        assert np.array_equal(method.allowed_A(alone, LIMITS, MOST_A, MODULE)[0], together_A[place])


def test_a_pack_has_its_weakest_closed_module_s_share_of_every_path() -> None:
    allowed_A = np.array([[[80.0, 90.0], [60.0, 70.0], [10.0, 20.0]]] * 2)
    closed = np.array([[True, True, False], [False, False, False]])
    limit_A = pack_limit_A(allowed_A, closed, closed.sum(axis=1))
    assert limit_A.tolist() == [[120.0, 140.0], [0.0, 0.0]]
    assert pack_limit_A(allowed_A, closed, np.array([1, 1])).tolist() == [[60.0, 70.0], [0.0, 0.0]]


def test_a_limit_falls_at_once_and_rises_slowly() -> None:
    rise = Rise(1.0)
    share = rise.since(np.array([-1]), np.array([0]))
    assert smooth(np.array([[100.0]]), np.array([[20.0]]), share)[0, 0] == 20.0
    limit_A = np.zeros((1, 1))
    for second in range(30):
        share = rise.since(np.array([second]) * 10**9, np.array([second + 1]) * 10**9)
        limit_A = smooth(limit_A, np.array([[100.0]]), share)
    assert limit_A[0, 0] == pytest.approx(100.0 * (1.0 - np.exp(-1.0)))
    at_once = smooth(np.zeros((1, 1)), np.array([[100.0]]), rise.since(np.array([0]), np.array([30 * 10**9 + 5000])))
    assert at_once[0, 0] == pytest.approx(limit_A[0, 0], rel=1e-12)
