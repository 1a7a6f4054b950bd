"""Balancing strategies: what all of them promise, and what each decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import twin.bms.balancing
from tests.worlds.balanced_modules import CAPACITY_AH, MODULE, FloatArray, seen
from twin.bms.balancing.active_cell_to_cell import ActiveCellToCell
from twin.bms.balancing.active_cell_to_module import ActiveCellToModule
from twin.bms.balancing.passive_history import PassiveHistory, knees
from twin.bms.balancing.passive_soc import PassiveSoc
from twin.bms.balancing.passive_voltage import PassiveVoltage
from twin.bms.balancing.strategy import Seen, State, Strategy, Wanted
from twin.bms.ocv import OcvCurve
from twin.bms.rows import put, take
from twin.plugins import discover

KINDS: dict[str, Any] = discover(twin.bms.balancing, Strategy)
WORKING = sorted(set(KINDS) - {"none"})
ROWS, CELLS = 6, 16
HOUR_S = 3600.0


def _near_full(rows: int = ROWS, cells: int = CELLS) -> FloatArray:
    """Return distinct states of charge beyond the knee, where every strategy has something to do."""
    apart = np.tile(np.linspace(0.0, 1.0, cells) ** 2, (rows, 1))
    return 0.98 + 0.02 * np.random.default_rng(7).permuted(apart, axis=1)


def _rest_V(soc: FloatArray) -> FloatArray:
    """Return open-circuit voltages."""
    return np.interp(soc, MODULE.ocv.soc_knots, MODULE.ocv.ocv_V)


def _looks(soc: FloatArray) -> list[Seen]:
    """Return looks over two hours at modules at rest, at their open-circuit voltages."""
    return [seen(soc, _rest_V(soc), time_s) for time_s in np.arange(0.0, 2 * HOUR_S, 60.0)]


def _last(strategy: Strategy, looks: list[Seen]) -> tuple[State, Wanted]:
    """Return what a strategy remembers and wants after ``looks``."""
    state = strategy.initial(*looks[0].voltage_V.shape)
    for look in looks:
        state, wanted = strategy.step(state, look)
    return state, wanted


def _permuted(look: Seen, rows: Any, cells: Any) -> Seen:
    parts = {name: part for name, part in vars(look).items() if isinstance(part, np.ndarray)}
    return replace(
        look, **{name: part[rows][:, cells] if part.ndim == 2 else part[rows] for name, part in parts.items()}
    )


@pytest.mark.parametrize("kind", KINDS)
def test_kind_is_the_files_name(kind: str) -> None:
    assert KINDS[kind]().kind == kind


@pytest.mark.parametrize("kind", WORKING)
def test_every_strategy_but_none_has_something_to_do(kind: str) -> None:
    _, wanted = _last(KINDS[kind](), _looks(_near_full()))
    assert (wanted.duty.any(axis=1) | wanted.current_A.any(axis=1)).all()
    assert bool(wanted.duty.any()) == KINDS[kind].bleeds == kind.startswith("passive")
    assert bool(wanted.current_A.any()) == KINDS[kind].moves == kind.startswith("active")


def test_none_does_nothing() -> None:
    _, wanted = _last(KINDS["none"](), _looks(_near_full()))
    assert not wanted.duty.any()
    assert not wanted.current_A.any()


@pytest.mark.parametrize("kind", WORKING)
@pytest.mark.parametrize(
    "stop",
    [
        pytest.param(lambda look: replace(look, allowed=~look.allowed), id="not allowed"),
        pytest.param(lambda look: replace(look, temperature_K=look.temperature_K + 45.0), id="hot"),
        pytest.param(
            lambda look: replace(look, voltage_V=np.zeros_like(look.voltage_V)), id="a sensor that reads nothing"
        ),
    ],
)
def test_nothing_is_wanted_where_it_must_not(kind: str, stop: Callable[[Seen], Seen]) -> None:
    looks = _looks(_near_full())
    strategy = KINDS[kind]()
    state, wanted = _last(strategy, looks)
    _, stopped = strategy.step(state, stop(looks[-1]))
    assert wanted.duty.any() or wanted.current_A.any()
    assert not stopped.duty.any()
    assert not stopped.current_A.any()


@pytest.mark.parametrize("kind", KINDS)
def test_permuting_modules_and_cells_permutes_the_results(kind: str) -> None:
    looks, draws = _looks(_near_full()), np.random.default_rng(11)
    rows, cells = draws.permutation(ROWS), draws.permutation(CELLS)
    _, wanted = _last(KINDS[kind](), looks)
    _, permuted = _last(KINDS[kind](), [_permuted(look, rows, cells) for look in looks])
    np.testing.assert_array_equal(permuted.duty, wanted.duty[rows][:, cells])
    np.testing.assert_allclose(permuted.current_A, wanted.current_A[rows][:, cells], rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_do_not_touch_each_other_and_states_can_be_taken_apart(kind: str) -> None:
    strategy, looks = KINDS[kind](), _looks(_near_full())
    state, _ = _last(strategy, looks[:-1])
    _, wanted = strategy.step(state, looks[-1])
    for row in range(ROWS):
        one = np.array([row])
        after, alone = strategy.step(take(state, one), _permuted(looks[-1], one, slice(None)))
        put(state, one, after)
        np.testing.assert_array_equal(alone.duty, wanted.duty[one])
        np.testing.assert_array_equal(alone.current_A, wanted.current_A[one])


@pytest.mark.parametrize("kind", KINDS)
def test_a_fleet_is_one_call(kind: str) -> None:
    _, wanted = _last(KINDS[kind](), _looks(_near_full(rows=2000))[-3:])
    assert wanted.duty.shape == wanted.current_A.shape == (2000, CELLS)


def _too_high(look: Seen, before: FloatArray, threshold_V: float, minimum_V: float) -> FloatArray:
    """Return by the rule, cell by cell, which are to come down; a pause does not make them forget that they were."""
    high = np.zeros_like(look.voltage_V)
    for row, cell in np.ndindex(*high.shape):
        margin_V = 0.5 * threshold_V if before[row, cell] else threshold_V
        voltage_V = look.voltage_V[row, cell]
        high[row, cell] = float(voltage_V - look.lowest_V[row] > margin_V and voltage_V >= minimum_V)
    return high


def test_passive_voltage_keeps_its_rule() -> None:
    strategy, draws = PassiveVoltage(threshold_V=0.02, minimum_V=3.35), np.random.default_rng(3)
    state, duty, changes = strategy.initial(ROWS, CELLS), np.zeros((ROWS, CELLS)), 0
    high = duty
    for _ in range(50):
        look = seen(np.full((ROWS, CELLS), 0.5), 3.34 + 0.03 * draws.random((ROWS, CELLS)))
        look = replace(look, allowed=draws.random(ROWS) < 0.9)
        high = _too_high(look, high, 0.02, 3.35)
        expected = high * (look.allowed & (look.temperature_K.max(axis=1) < 343.15))[:, None]
        state, wanted = strategy.step(state, look)
        np.testing.assert_array_equal(wanted.duty, expected)
        changes += int((expected != duty).sum())
        duty = wanted.duty
    assert changes > 1000


@pytest.mark.parametrize(
    ("apart", "bled"),
    [
        ([0.0040], [0]),
        ([0.0051, 0.0049, 0.0002, 0.0001, 0.0], [1, 1, 1, 0, 0]),
        ([0.0049, 0.0051, -0.001], [0, 1, 0]),
    ],
    ids=["never apart enough", "until level", "the lowest falls meanwhile"],
)
def test_passive_soc_starts_and_stops(apart: list[float], bled: list[int]) -> None:
    strategy = PassiveSoc()
    state, found = strategy.initial(1, 2), []
    for more in apart:
        state, wanted = strategy.step(state, seen(np.array([[0.5 + more, 0.5]])))
        found.append(int(wanted.duty[0, 0]))
    assert found == bled


def test_passive_soc_comes_down_to_the_packs_lowest() -> None:
    look = replace(seen(np.full((1, 4), 0.55)), lowest_soc=np.array([0.5]))
    _, wanted = PassiveSoc().step(PassiveSoc().initial(1, 4), look)
    assert wanted.duty.all()


def test_knees_of_the_lfp_curve() -> None:
    assert knees(MODULE.ocv) == pytest.approx((0.15, 0.97))
    assert knees(OcvCurve(np.array([0.0, 1.0]), np.array([2.0, 4.5]))) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("told", "soc", "due"),
    [
        pytest.param("full", [0.980, 0.990, 0.995], [0, 0.010, 0.015], id="near full"),
        pytest.param("full", [0.940, 0.990, 0.960], [0, 0.020, 0], id="the lowest is on the plateau: a lower bound"),
        pytest.param("full", [0.500, 0.600, 0.700], [0, 0, 0], id="nothing is told on the plateau"),
        pytest.param("full", [0.050, 0.100, 0.120], [0, 0, 0], id="empty is not asked"),
        pytest.param("empty", [0.050, 0.100, 0.120], [0, 0.050, 0.070], id="near empty"),
        pytest.param("empty", [0.050, 0.100, 0.400], [0, 0.050, 0.100], id="a high cell is on the plateau"),
        pytest.param("either", [0.980, 0.990, 0.995], [0, 0.010, 0.015], id="either, near full"),
        pytest.param("either", [0.050, 0.100, 0.120], [0, 0.050, 0.070], id="either, near empty"),
    ],
)
def test_history_works_out_what_voltages_tell(told: Any, soc: list[float], due: list[float]) -> None:
    state, _ = _last(PassiveHistory(told=told), _looks(np.array([soc]))[:31])
    np.testing.assert_allclose(state.due_Ah[0], CAPACITY_AH * np.array(due), atol=1e-6 * CAPACITY_AH)


def test_history_outlives_a_pause_and_a_moment_that_tells_less() -> None:
    strategy = PassiveHistory()
    state, _ = _last(strategy, _looks(np.array([[0.98, 0.99]]))[:31])
    due_Ah = state.due_Ah[0, 1]
    for minute in range(31, 91):  # the cells come down to the knee, and rest there
        soc = np.array([[0.965, 0.975]])
        look = replace(seen(soc, _rest_V(soc), 60.0 * minute), allowed=np.array([False]))
        state, wanted = strategy.step(state, replace(look, current_A=np.full(1, 50.0 * (minute < 35))))
    assert not wanted.duty.any()
    assert 0.99 * due_Ah < state.due_Ah[0, 1] <= due_Ah  # less what was bled in the first minute
    state, wanted = strategy.step(state, replace(look, allowed=np.array([True])))
    assert wanted.duty[0].tolist() == [0.0, 1.0]


def test_history_asks_for_quiet() -> None:
    looks = [replace(look, current_A=look.current_A + 7.0) for look in _looks(_near_full())]
    state, _ = _last(PassiveHistory(), looks)
    assert not state.due_Ah.any()


def test_history_sees_through_noise() -> None:
    soc, draws = np.full((1, CELLS), 0.985), np.random.default_rng(5)
    soc[0, 3] = 0.995
    looks = [seen(soc, _rest_V(soc) + 0.002 * draws.standard_normal(soc.shape), t) for t in range(2000)]
    state, wanted = _last(PassiveHistory(), looks)
    assert np.flatnonzero(wanted.duty[0]).tolist() == [3]
    assert state.due_Ah[0, 3] == pytest.approx(0.01 * CAPACITY_AH, rel=0.02)


def test_history_comes_down_to_the_packs_lowest() -> None:
    soc = np.array([[0.992, 0.995]])
    looks = [replace(look, lowest_V=_rest_V(np.array([0.985]))) for look in _looks(soc)[:31]]
    state, _ = _last(PassiveHistory(), looks)
    np.testing.assert_allclose(state.due_Ah[0], CAPACITY_AH * np.array([0.007, 0.010]), rtol=1e-6)


def test_cell_to_cell_joins_the_fullest_and_the_emptiest() -> None:
    soc = np.array([[0.50, 0.53, 0.47, 0.51, 0.49, 0.50]])
    voltage_V = 3.0 + soc
    strategy = ActiveCellToCell(current_A=5.0, efficiency=0.8, converters=2)
    _, wanted = strategy.step(strategy.initial(1, 6), seen(soc, voltage_V))
    received_A = 5.0 * 0.8 * np.array([3.53 / 3.47, 3.51 / 3.49])
    np.testing.assert_allclose(wanted.current_A[0], [0, 5, -received_A[0], 5, -received_A[1], 0], rtol=1e-14)


def test_more_converters_than_cells_that_are_apart() -> None:
    soc = np.array([[0.50, 0.53, 0.50, 0.50]])
    strategy = ActiveCellToCell(converters=9, efficiency=1.0)
    _, wanted = strategy.step(strategy.initial(1, 4), seen(soc))
    np.testing.assert_allclose(wanted.current_A[0], [-5, 5, 0, 0])  # of equal cells the first


@pytest.mark.parametrize("converters", [1, 2])
@pytest.mark.parametrize("kind", ["active_cell_to_cell", "active_cell_to_module"])
def test_of_equal_cells_the_first_is_served(kind: str, converters: int) -> None:
    strategy = KINDS[kind](converters=converters)
    _, wanted = strategy.step(strategy.initial(1, 8), seen(np.array([[0.4, 0.5, 0.6, 0.6, 0.6, 0.4, 0.4, 0.5]])))
    given = np.flatnonzero(wanted.current_A[0] > 1.0)
    received = np.flatnonzero(wanted.current_A[0] < -1.0)
    served = [2, 3][:converters], [0, 5][:converters]
    assert (given.tolist(), received.tolist()) == (
        served if kind == "active_cell_to_cell" else ([2][: converters - 1], [0])
    )


def test_cells_near_the_mean_are_not_served() -> None:
    soc = np.full((1, CELLS), 0.5)
    soc[0, 4] = 0.506
    strategy = ActiveCellToModule(converters=9)
    _, wanted = strategy.step(strategy.initial(1, CELLS), seen(soc))
    assert np.flatnonzero(np.abs(wanted.current_A[0]) > 1.0).tolist() == [4]


def test_no_side_of_a_converter_carries_more_than_its_limit() -> None:
    soc = np.array([[0.9, 0.1]])
    strategy = ActiveCellToCell(current_A=5.0, efficiency=0.95)
    _, wanted = strategy.step(strategy.initial(1, 2), seen(soc, np.array([[3.6, 2.6]])))
    assert wanted.current_A[0, 1] == pytest.approx(-5.0)
    assert wanted.current_A[0, 0] == pytest.approx(5.0 * 2.6 / (3.6 * 0.95))


def test_cell_to_module_gives_to_the_string() -> None:
    soc = np.array([[0.50, 0.53, 0.50, 0.50]])
    strategy = ActiveCellToModule(current_A=5.0, efficiency=0.9)
    _, wanted = strategy.step(strategy.initial(1, 4), seen(soc))
    np.testing.assert_allclose(wanted.current_A[0], np.array([0, 5, 0, 0]) - 5.0 * 0.9 / 4, rtol=1e-14)


def test_module_to_cell_takes_from_the_string() -> None:
    soc = np.array([[0.50, 0.47, 0.50, 0.50]])
    strategy = ActiveCellToModule(current_A=5.0, efficiency=0.9)
    _, wanted = strategy.step(strategy.initial(1, 4), seen(soc))
    np.testing.assert_allclose(wanted.current_A[0], 5.0 / 0.9 / 4 - np.array([0, 5, 0, 0]), rtol=1e-14)


@pytest.mark.parametrize("kind", ["active_cell_to_cell", "active_cell_to_module"])
@pytest.mark.parametrize("converters", [1, 3, 8])
def test_what_converters_lose_is_in_the_currents(kind: str, converters: int) -> None:
    efficiency = 0.87
    soc, draws = _near_full(), np.random.default_rng(2)
    look = seen(soc, 3.0 + 0.6 * draws.random(soc.shape))
    _, wanted = _last(KINDS[kind](efficiency=efficiency, converters=converters), [look])
    power_W = wanted.current_A * look.voltage_V
    served = np.abs(wanted.current_A) > 1.0  # the string's part is smaller in these modules
    if kind == "active_cell_to_cell":
        taken_W = np.maximum(power_W, 0.0).sum(axis=1)
        np.testing.assert_allclose(power_W.sum(axis=1), (1.0 - efficiency) * taken_W, rtol=1e-12)
        assert (served.sum(axis=1) == 2 * converters).all()
    else:
        assert (power_W.sum(axis=1) > 0.0).all()
        assert (served.sum(axis=1) == converters).all()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "start_soc" in KINDS[kind].model_fields])
def test_a_stop_above_the_start_is_refused(kind: str) -> None:
    with pytest.raises(ValidationError, match=r"stop_soc 0.01; expected less than start_soc, 0.005"):
        KINDS[kind](stop_soc=0.01)
