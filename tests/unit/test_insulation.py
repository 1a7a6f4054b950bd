"""The insulation monitor: how long it measures, when it asks for quiet, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from pydantic import ValidationError

from twin.bms.codes import Level
from twin.bms.insulation import HIGHEST_OHM, InsulationOptions
from twin.bms.rows import put, take

SECOND = 1_000_000_000
SYSTEM_V = 400.0
GOOD_OHM = 1e6


class Look(NamedTuple):
    """What the monitor says at a look."""

    value_ohm: float
    level: int
    pause: bool


def _watch(
    monitor: InsulationOptions,
    seconds: int,
    insulation_ohm: Callable[[int, bool], float],
    *,
    wants: bool = False,
    obeys_s: int = 0,
) -> list[Look]:
    """Return a look a second; ``insulation_ohm`` depends on the second and on whether cells are balanced.

    Somebody wants to balance them, and does as he is told after ``obeys_s`` seconds.
    """
    state, looks = monitor.initial(1), list[Look]()
    for second in range(seconds):
        balancing = wants and not (second > obeys_s and looks[second - 1 - obeys_s].pause)
        ohm = np.array([insulation_ohm(second, balancing)])
        state = monitor.step(
            state, ohm, np.array([balancing]), np.array([SYSTEM_V]), np.array([second * SECOND], dtype=np.int64)
        )
        looks.append(Look(round(float(state.value_ohm[0]), 3), int(state.level[0]), bool(state.pause[0])))
    return looks


def _constant(ohm: float) -> Callable[[int, bool], float]:
    return lambda second, balancing: ohm


@pytest.mark.parametrize(
    ("ohm", "value_ohm", "level"),
    [
        (1e9, HIGHEST_OHM, Level.OK),
        (200_001.0, 200_001.0, Level.OK),
        (199_999.0, 199_999.0, Level.WARNING),
        (40_001.0, 40_001.0, Level.WARNING),
        (39_999.0, 39_999.0, Level.FATAL),
        (0.0, 1.0, Level.FATAL),
    ],
)
def test_limits_are_per_volt(ohm: float, value_ohm: float, level: Level) -> None:
    looks = _watch(InsulationOptions(), 11, _constant(ohm))
    assert looks[9] == Look(HIGHEST_OHM, Level.OK, True)  # ten seconds are not over
    assert looks[10] == Look(value_ohm, level, False)


def test_measurements_begin_every_interval() -> None:
    looks = _watch(InsulationOptions(cycle_s=10, interval_s=60), 140, _constant(GOOD_OHM))
    assert [second for second, look in enumerate(looks) if look.pause] == [
        *range(10),
        *range(60, 70),
        *range(120, 130),
    ]


def test_without_a_rest_one_follows_the_other() -> None:
    monitor = InsulationOptions(cycle_s=10, interval_s=10)
    looks = _watch(monitor, 41, lambda second, _: 1e3 * (1 + second // 20))
    assert [looks[second].value_ohm for second in (19, 20, 29, 30)] == pytest.approx([1e3, 1052.632, 1052.632, 2e3])


def test_a_reading_is_the_mean_leakage() -> None:
    looks = _watch(InsulationOptions(), 11, lambda second, _: 20e3 if second > 5 else GOOD_OHM)
    assert looks[10].value_ohm == pytest.approx(1 / (0.5 / 20e3 + 0.5 / GOOD_OHM), rel=1e-6)


def test_a_level_clears_a_quarter_above_its_limit() -> None:
    monitor = InsulationOptions(cycle_s=1, interval_s=1)
    ohm = [39e3, 45e3, 51e3, 210e3, 249e3, 251e3]
    looks = _watch(monitor, 25, lambda second, _: ohm[min((second - 1) // 4, 5)])
    assert [looks[second].level for second in range(4, 25, 4)] == [3, 3, 2, 2, 2, 0]


@pytest.mark.parametrize(
    ("pauses", "obeys_s", "level"),
    [
        pytest.param(True, 0, Level.OK, id="pauses"),
        pytest.param(True, 4, Level.OK, id="waits for who is slow"),
        pytest.param(False, 0, Level.FATAL, id="does not pause"),
        pytest.param(True, 999, Level.FATAL, id="asks in vain, and measures nevertheless"),
    ],
)
def test_balancing_disturbs_a_monitor_that_does_not_pause_it(pauses: bool, obeys_s: int, level: Level) -> None:
    monitor = InsulationOptions(pauses_balancing=pauses)
    looks = _watch(
        monitor, 200, lambda _, balancing: GOOD_OHM / 200 if balancing else GOOD_OHM, wants=True, obeys_s=obeys_s
    )
    assert max(look.level for look in looks) == level
    assert (looks[100].value_ohm == GOOD_OHM) == (level == Level.OK)


def test_pausing_costs_a_ninth_of_the_balancing() -> None:
    looks = _watch(InsulationOptions(), 901, _constant(GOOD_OHM), wants=True)
    assert sum(look.pause for look in looks) / len(looks) == pytest.approx(1 / 9, rel=0.15)


def test_a_fault_is_found_within_100_s() -> None:
    for begin in range(20, 130, 7):
        looks = _watch(InsulationOptions(), 240, lambda second, _: 1e3 if second >= begin else GOOD_OHM)  # noqa: B023
        found = next(second for second, look in enumerate(looks) if look.level == Level.FATAL)
        assert 0 < found - begin <= 100


def test_rows_do_not_touch_each_other() -> None:
    monitor = InsulationOptions()
    ohm, balancing, system_V = np.array([1e6, 4e3, 1e5]), np.array([False, True, True]), np.array([51.2, 51.2, 800.0])
    together, alone = monitor.initial(3), [monitor.initial(1) for _ in range(3)]
    for second in range(15):
        time_ns = np.array([second, 2 * second, 3 * second]) * SECOND
        together = monitor.step(together, ohm, balancing, system_V, time_ns)
        alone = [
            monitor.step(state, *(part[row : row + 1] for part in (ohm, balancing, system_V, time_ns)))
            for row, state in enumerate(alone)
        ]
    joined = monitor.initial(3)
    for row, state in enumerate(alone):
        put(joined, np.array([row]), state)
    for name, part in vars(together).items():
        np.testing.assert_array_equal(part, getattr(joined, name), err_msg=name)
    assert take(together, np.array([1])).level.tolist() == [Level.FATAL]


def test_every_mistake_in_its_options_is_named() -> None:
    with pytest.raises(ValidationError, match=r"fatal_ohm_V 600.*interval_s 5; expected at least cycle_s, 10"):
        InsulationOptions(fatal_ohm_V=600.0, interval_s=5.0)
