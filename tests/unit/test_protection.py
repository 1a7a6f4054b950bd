"""Protection: levels, debounce, hysteresis, latching."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from twin.bms.codes import Level
from twin.bms.limit_levels import Levels, Limits
from twin.bms.protection import SIGNS, Protection, Thresholds

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


def test_nothing_to_say_changes_nothing() -> None:
    """Neither what counts, nor what is about to, nor since when."""
    state = Protection.initial(1)
    high, unknown = np.array([[3.62, *FINE[1:]]]), np.full((1, 5), np.nan)
    for milliseconds, values, level, began_ms in (
        (0, high, 0, -1),
        (300, unknown, 0, -1),
        (900, unknown, 0, -1),
        (1000, high, 2, 0),
        (2000, unknown, 2, 0),
        (3000, np.array([FINE]), 0, -1),
    ):
        state = state.step(values, np.array([milliseconds * 1_000_000]), THRESHOLDS)
        assert int(state.level[0, 0]) == level, milliseconds
        assert int(state.began_ns[0, 0]) == (began_ms * 1_000_000 if began_ms >= 0 else -1), milliseconds


def test_each_level_says_since_when() -> None:
    state = Protection.initial(1)
    began = []
    for second, value in enumerate([3.56, 3.56, 3.61, 3.61, 3.56, 3.66, 3.66, 3.30]):
        state = state.step(np.array([[value, *FINE[1:]]]), np.array([second * SECOND]), THRESHOLDS)
        began.append((int(state.level[0, 0]), int(state.began_ns[0, 0]) // SECOND))
    assert began == [(0, -1), (1, 0), (1, 0), (2, 2), (2, 2), (2, 2), (3, 5), (3, 5)]


@pytest.mark.parametrize(
    ("after", "level"),
    [(3.30, 0), (3.62, 3), (3.66, 3)],
    ids=["well inside: cleared", "inside, but not by the hysteresis", "still too high"],
)
def test_fatal_is_cleared_by_command_where_it_is_over(after: float, level: int) -> None:
    state = Protection.initial(2)
    for second, value in enumerate([3.70, 3.70, 3.30]):
        state = state.step(np.array([[value, *FINE[1:]]] * 2), np.full(2, second * SECOND), THRESHOLDS)
    state = state.clear(np.array([True, False]))
    assert state.level[:, 0].tolist() == [3, 3]
    for second in (3, 4):
        state = state.step(np.array([[after, *FINE[1:]]] * 2), np.full(2, second * SECOND), THRESHOLDS)
    assert state.level[:, 0].tolist() == [level, 3]


def test_a_command_to_clear_is_forgotten_where_it_was_refused() -> None:
    state = Protection.initial(1)
    for second, value in enumerate([3.70, 3.70]):
        state = state.step(np.array([[value, *FINE[1:]]]), np.array([second * SECOND]), THRESHOLDS)
    state = state.clear(np.array([True]))
    for second, value in enumerate([3.70, 3.30, 3.30], 2):
        state = state.step(np.array([[value, *FINE[1:]]]), np.array([second * SECOND]), THRESHOLDS)
    assert int(state.level[0, 0]) == 3


def test_levels_that_are_left_out_do_not_exist() -> None:
    levels = [Levels(warning=1.0), Levels(info=1.0, fatal=3.0), Levels(fatal=1.0)]
    thresholds = Thresholds.of_levels(levels, np.ones(3))
    state, reached = Protection.initial(1, 3), []
    for second, value in enumerate([0.5, 1.5, 5.0, 0.5]):
        state = state.step(np.full((1, 3), value), np.array([second * SECOND]), thresholds)
        reached.append(state.level[0].tolist())
    assert reached == [[0, 0, 0], [2, 1, 3], [2, 3, 3], [0, 3, 3]]


@pytest.mark.parametrize("levels", [{}, {"info": 2.0, "warning": 1.0}, {"warning": 3.0, "fatal": 2.0}])
def test_levels_without_order_are_mistakes(levels: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="expected"):
        Levels(**levels)


def test_what_is_quick_decides_as_what_is_plain() -> None:
    """Row by row and level by level, as the rules are written, on values that wander around every limit."""
    draw = np.random.default_rng(5)
    rows, count = 4, 600
    around = np.array([3.6, 2.7, 323.15, 273.15, 200.0])
    scale = np.array([0.10, 0.4, 9.0, 16.0, 40.0])
    wander = np.cumsum(draw.standard_normal((count, rows, 5)), axis=0) * 0.3
    values = around + scale * np.sin(wander)
    state, plain = Protection.initial(rows), _Plain(rows)
    seen = set()
    for number, value in enumerate(values):
        time_ns = number * 100_000_000 + np.arange(rows)
        state = state.step(value, time_ns, THRESHOLDS)
        plain.step(value, time_ns)
        np.testing.assert_array_equal(state.level, plain.level)
        seen.update(state.level.ravel().tolist())
    assert seen == {0, 1, 2, 3}


class _Plain:
    """Protection as its rules say it, without arrays."""

    def __init__(self, rows: int) -> None:
        self.since: list[list[list[Any]]] = [[[None] * 3 for _ in range(5)] for _ in range(rows)]
        self.active = [[[False] * 3 for _ in range(5)] for _ in range(rows)]

    def step(self, values: NDArray[np.float64], time_ns: NDArray[np.int64]) -> None:
        for row, quantity, level in np.ndindex(len(values), 5, 3):
            signed = values[row, quantity] * SIGNS[quantity]
            since, active = self.since[row][quantity], self.active[row][quantity]
            beyond = signed >= THRESHOLDS.limit[quantity, level]
            since[level] = (time_ns[row] if since[level] is None else since[level]) if beyond else None
            mature = beyond and time_ns[row] - since[level] >= THRESHOLDS.debounce_ns[quantity]
            held = active[level] and (level == 2 or signed > THRESHOLDS.release[quantity, level])
            active[level] = mature or held

    @property
    def level(self) -> list[list[int]]:
        return [[max((i + 1 for i in range(3) if one[i]), default=0) for one in row] for row in self.active]
