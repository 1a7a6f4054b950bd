"""Estimators of charge and health on days of the real FMUs: how right they are, and where the cheaper one is better.

Steps of 20 s instead of 1 s: sensors are read less often, so noise averages out less. benchmarks/estimators.py tells
the same of other steps.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tests.worlds.battery_days import CASES, CELLS, Days, Followed, follow, live, sensed
from twin.bms.estimators.coulomb_counting import CoulombCounter
from twin.bms.estimators.health import HealthOptions
from twin.bms.estimators.kalman import KalmanFilter

STEP_S = 20
NUMBER = {case.name: number for number, case in enumerate(CASES)}


@cache
def _days() -> Days:
    return live(CASES, 2.0, STEP_S)


@cache
def _kalman() -> Followed:
    return follow(KalmanFilter(), sensed(_days(), CASES), CASES, HealthOptions())


@cache
def _counted() -> Followed:
    return follow(CoulombCounter(), sensed(_days(), CASES), CASES)


def _errors(followed: Followed, case: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the error of the SOC over two days, ``[step]``."""
    number = NUMBER[case]
    return followed.soc[:, number] - _days().soc[:, number].mean(axis=1)


def _rms(errors: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return float(np.sqrt((errors * errors).mean()))


@pytest.mark.parametrize("case", [case.name for case in CASES if case.start_error])
def test_a_start_10_percent_wrong_is_within_3_percent_on_the_second_day_and_better_than_counting(case: str) -> None:
    errors, counted = _errors(_kalman(), case), _errors(_counted(), case)
    assert abs(errors[0]) == pytest.approx(0.1, abs=0.02)
    assert np.abs(errors[len(errors) // 2 :]).max() < 0.03
    assert _rms(errors) < 0.35 * _rms(counted)


def test_on_a_flat_stretch_a_count_that_starts_right_is_better() -> None:
    errors, counted = _errors(_kalman(), "flat, start right"), _errors(_counted(), "flat, start right")
    assert _rms(counted) < 0.002
    assert 0.01 < _rms(errors) < 0.04
    assert _kalman().soc_sd[-1, NUMBER["flat, start right"]] > 0.03  # it says so


def test_a_count_that_is_reset_at_full_every_day_is_as_good_once_it_was() -> None:
    second_day = slice(len(_days().soc) // 2, None)
    errors, counted = _errors(_kalman(), "both knees")[second_day], _errors(_counted(), "both knees")[second_day]
    assert np.abs(counted).max() < 0.012
    assert np.abs(errors).max() < 0.012


def test_what_it_says_of_its_own_error_is_about_right() -> None:
    cases = [NUMBER[case.name] for case in CASES if not case.name.startswith("flat")]
    errors = _kalman().soc[:, cases] - _days().soc[:, cases].mean(axis=2)
    within = np.abs(errors) < 2.0 * _kalman().soc_sd[:, cases]
    assert within.mean() > 0.9


def test_cells_whose_sensors_differ_by_2_mV_do_not_drag_the_mean_along() -> None:
    readings = sensed(_days(), CASES)
    differing_V = np.random.default_rng(3).normal(0.0, 0.002, CELLS)
    followed = follow(
        KalmanFilter(), replace(readings, voltage_V=readings.voltage_V + differing_V), CASES, HealthOptions()
    )
    for name in ("both knees", "lower knee only", "middle", "cells 4 % apart"):
        errors = _errors(followed, name)
        assert np.abs(errors[len(errors) // 2 :]).max() < 0.02, name
    apart = followed.cell_soc - followed.soc[..., None]
    assert np.abs(apart.mean(axis=2)).max() < 1e-6


def test_cells_apart_are_told_apart() -> None:
    number = NUMBER["cells 4 % apart"]
    errors = _kalman().cell_soc[-1, number] - _days().soc[-1, number]
    assert np.abs(errors).max() < 0.015


@pytest.mark.parametrize(
    ("case", "capacity_Ah"),
    [("capacity 90 %", 0.9 * 314.0), ("both knees", 314.0), ("lower knee only", 314.0), ("middle", 314.0)],
)
def test_capacity_is_found_within_2_percent_in_two_cycles(case: str, capacity_Ah: float) -> None:
    assert _kalman().capacity_Ah[-1, NUMBER[case]] == pytest.approx(capacity_Ah, rel=0.02)


def test_without_two_steep_parts_capacity_stays_what_it_was_sold_as() -> None:
    assert _kalman().capacity_Ah[-1, NUMBER["flat"]] == 314.0


@pytest.mark.parametrize(("case", "factor"), [("both knees", 1.0), ("resistance 130 %, 10 degC", 1.3)])
def test_resistance_is_found_within_6_percent_in_two_days(case: str, factor: float) -> None:
    assert _kalman().resistance_factor[-1, NUMBER[case]] == pytest.approx(factor, rel=0.06)
