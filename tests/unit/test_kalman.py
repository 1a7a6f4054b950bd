"""What the Kalman filter believes, and how surely: on steep parts of the curve, on flat ones, and without news."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds.battery_days import module_data
from twin.bms.estimators.estimator import Condition
from twin.bms.estimators.kalman import KalmanEstimate, KalmanFilter
from twin.bms.measured import Measured

SECOND = 1_000_000_000
MODULE = module_data()
CONDITION = Condition.new(1, MODULE)
NOBODY_A = np.zeros((1, MODULE.cells))


def _rest(
    true_soc: float, believed_soc: float, hours: float, *, error_V: float = 0.0, fresh: bool = True
) -> KalmanEstimate:
    """Let a module rest, whose curve lies ``error_V`` beside the one that the filter knows."""
    kalman, voltage_V = KalmanFilter(), MODULE.ocv.voltage_V(np.full((1, MODULE.cells), true_soc)) + error_V
    estimate = kalman.initial(np.array([believed_soc]), MODULE)
    for step in range(round(hours * 360)):
        measured = Measured(
            np.array([step * 10 * SECOND]),
            voltage_V,
            np.full((1, MODULE.cells), 298.15),
            np.zeros(1),
            np.array([fresh]),
        )
        estimate = kalman.step(estimate, measured, NOBODY_A, CONDITION, MODULE)
    return estimate


@pytest.mark.parametrize(
    ("true_soc", "believed_soc", "within"),
    [(0.05, 0.15, 0.002), (0.15, 0.05, 0.002), (0.33, 0.45, 0.01), (0.74, 0.84, 0.01), (0.985, 0.88, 0.003)],
    ids=["lower knee", "from below", "lower step of graphite", "upper step", "upper knee"],
)
def test_a_wrong_start_is_put_right_where_the_curve_is_steep(
    true_soc: float, believed_soc: float, within: float
) -> None:
    estimate = _rest(true_soc, believed_soc, 2.0)
    assert estimate.soc[0] == pytest.approx(true_soc, abs=within)
    assert estimate.soc_sd[0] < 0.01


def test_an_error_of_the_curve_does_not_average_out_where_it_is_flat() -> None:
    estimate = _rest(0.58, 0.60, 8.0, error_V=0.002)
    assert estimate.soc_sd[0] > 0.04
    assert abs(estimate.soc[0] - 0.58) < 2.0 * estimate.soc_sd[0]
    naive = _naive(0.58, 0.60, 8.0, error_V=0.002)
    assert abs(naive - 0.58) > 0.06  # what a filter comes to that takes 2 mV for noise


def _naive(true_soc: float, believed_soc: float, hours: float, error_V: float) -> float:
    kalman = KalmanFilter(curve_sd_V=0.0, resistance_sd=0.0, offset_sd_A=0.0)
    estimate = kalman.initial(np.array([believed_soc]), MODULE)
    voltage_V = MODULE.ocv.voltage_V(np.full((1, MODULE.cells), true_soc)) + error_V
    for step in range(round(hours * 360)):
        measured = Measured(
            np.array([step * 10 * SECOND]), voltage_V, np.full((1, 16), 298.15), np.zeros(1), np.array([True])
        )
        estimate = kalman.step(estimate, measured, NOBODY_A, CONDITION, MODULE)
    return float(estimate.soc[0])


def test_without_fresh_readings_only_the_count_goes_on() -> None:
    estimate = _rest(0.05, 0.15, 2.0, fresh=False)
    assert estimate.soc[0] == 0.15
    assert estimate.soc_sd[0] > 0.1


def test_the_first_sample_counts_nothing() -> None:
    kalman = KalmanFilter()
    measured = Measured(
        np.array([3600 * SECOND]),
        np.full((1, 16), 3.266),
        np.full((1, 16), 298.15),
        np.array([300.0]),
        np.zeros(1, bool),
    )
    assert kalman.step(kalman.initial(np.array([0.5]), MODULE), measured, NOBODY_A, CONDITION, MODULE).soc[0] == 0.5


def test_cells_that_lie_apart_are_found_at_a_knee() -> None:
    apart = np.linspace(-0.02, 0.02, MODULE.cells)
    kalman, voltage_V = KalmanFilter(), MODULE.ocv.voltage_V(0.08 + apart)[None]
    estimate = kalman.initial(np.array([0.08]), MODULE)
    for step in range(720):
        measured = Measured(
            np.array([step * 10 * SECOND]), voltage_V, np.full((1, 16), 298.15), np.zeros(1), np.array([True])
        )
        estimate = kalman.step(estimate, measured, NOBODY_A, CONDITION, MODULE)
    assert estimate.cell_soc[0] == pytest.approx(0.08 + apart, abs=0.003)


def test_what_balancing_draws_is_counted_where_it_is_drawn() -> None:
    kalman, drawn_A = KalmanFilter(), np.where(np.arange(MODULE.cells) == 3, 16.0, 0.0)[None]
    estimate = kalman.initial(np.array([0.6]), MODULE)
    for step in range(361):
        measured = Measured(
            np.array([step * 10 * SECOND]),
            np.full((1, 16), 3.3),
            np.full((1, 16), 298.15),
            np.zeros(1),
            np.zeros(1, bool),
        )
        estimate = kalman.step(estimate, measured, drawn_A, CONDITION, MODULE)
    drawn = drawn_A[0] / MODULE.capacity_Ah
    assert estimate.cell_soc[0] == pytest.approx(0.6 - drawn, abs=1e-6)
