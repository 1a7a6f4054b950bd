"""Counting charge, and the two moments at which voltage knows better."""

from __future__ import annotations

import numpy as np
import pytest

from twin.bms.estimators.coulomb_counting import CoulombCounting
from twin.bms.ocv import OcvCurve

SECOND = 1_000_000_000
CURVE = OcvCurve(np.array([0.0, 0.1, 0.9, 1.0]), np.array([2.5, 3.2, 3.35, 3.5]))
CAPACITY_AH = 100.0


def _run(current_A: float, voltage_V: float, seconds: int, soc: float = 0.5, step: int = 10) -> float:
    state = CoulombCounting.initial(np.array([soc]))
    for second in range(0, seconds + 1, step):
        state = state.step(
            np.array([current_A]), np.full((1, 4), voltage_V), np.array([second * SECOND]), CAPACITY_AH, CURVE
        )
    return float(state.soc[0])


@pytest.mark.parametrize(
    ("current_A", "voltage_V", "seconds", "expected"),
    [
        (50.0, 3.25, 3600, 0.0),
        (25.0, 3.25, 3600, 0.25),
        (-25.0, 3.33, 3600, 0.75),
        (-4.0, 3.52, 60, 1.0),
        (-20.0, 3.52, 60, 0.5 + 20 * 60 / 3600 / 100),
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
    assert _run(current_A, voltage_V, seconds) == pytest.approx(expected, abs=1e-9)


def test_the_first_sample_counts_nothing() -> None:
    state = CoulombCounting.initial(np.array([0.5]))
    late = state.step(np.array([1000.0]), np.full((1, 4), 3.2), np.array([3600 * SECOND]), CAPACITY_AH, CURVE)
    assert late.soc[0] == 0.5
