"""Protection: levels, debounce, hysteresis, latching."""

from __future__ import annotations

import numpy as np
import pytest

from twin.bms.codes import Level
from twin.bms.limit_levels import Limits
from twin.bms.protection import Protection, Thresholds

SECOND = 1_000_000_000
THRESHOLDS = Thresholds.of(Limits())
FINE = [3.30, 3.30, 298.0, 298.0, 50.0]
QUANTITY = {"overvoltage": 0, "undervoltage": 1, "overtemperature": 2, "undertemperature": 3, "overcurrent": 4}


def _levels(quantity: str, values: list[float]) -> list[int]:
    """Return the level after each of ``values``, one a second."""
    state = Protection.initial(1)
    levels = []
    for second, value in enumerate(values):
        row = list(FINE)
        row[QUANTITY[quantity]] = value
        state = state.step(np.array([row]), np.array([second * SECOND]), THRESHOLDS)
        levels.append(int(state.level[0, QUANTITY[quantity]]))
    return levels


@pytest.mark.parametrize(
    ("quantity", "values", "levels"),
    [
        ("overvoltage", [3.56, 3.56], [0, 1]),
        ("overvoltage", [3.61, 3.61], [0, 2]),
        ("overvoltage", [3.66, 3.66], [0, 3]),
        ("overvoltage", [3.56, 3.30, 3.56], [0, 0, 0]),
        ("overvoltage", [3.61, 3.61, 3.56, 3.54, 3.49], [0, 2, 2, 1, 0]),
        ("overvoltage", [3.66, 3.66, 3.30, 3.30], [0, 3, 3, 3]),
        ("undervoltage", [2.60, 2.60, 2.85, 3.10], [0, 2, 1, 0]),
        ("undertemperature", [270.0] * 7, [0, 0, 0, 0, 0, 0, 2]),
        ("overtemperature", [330.0] * 7, [0, 0, 0, 0, 0, 0, 3]),
        ("overtemperature", [330.0] * 5 + [300.0] + [330.0] * 5, [0] * 11),
        ("overcurrent", [210.0, 210.0, 195.0, 185.0, 100.0], [0, 2, 2, 1, 0]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_levels(quantity: str, values: list[float], levels: list[int]) -> None:
    assert _levels(quantity, values) == levels


def test_rows_do_not_touch_each_other() -> None:
    state = Protection.initial(3)
    values = np.array([FINE, [3.70, *FINE[1:]], FINE])
    for second in range(3):
        state = state.step(values, np.full(3, second * SECOND), THRESHOLDS)
    assert state.level.max(axis=1).tolist() == [Level.OK, Level.FATAL, Level.OK]


def test_debounce_counts_from_the_first_violation_not_from_the_sample_number() -> None:
    state = Protection.initial(1)
    hot = np.array([[3.70, *FINE[1:]]])
    for milliseconds, level in ((0, 0), (400, 0), (699, 0), (700, 3)):
        state = state.step(hot, np.array([milliseconds * 1_000_000]), THRESHOLDS)
        assert int(state.level.max()) == level, milliseconds
