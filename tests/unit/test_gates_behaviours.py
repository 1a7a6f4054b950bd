"""Behaviours one by one: what a self-test explains and what not, and what is expected of charge and spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.worlds.told_sites import SIZE, calm, cleared, event, opened, stimulus
from twin.bms.codes import Level
from twin.bms.events import Event
from twin.ota.behaviour.self_tests import AFTERMATH_NS, Outcomes, SelfTests
from twin.ota.behaviour.watch import Watch, behaviours

NAMES = tuple(behaviours())
AFTERMATH_S = AFTERMATH_NS * 1e-9


def followed(*events: Event) -> Outcomes:
    """Return what an hour with these events comes to."""
    return SelfTests(SIZE).follow(calm(0, 3600, events=events))


TESTS: dict[str, tuple[Sequence[Event], tuple[float, float, float, float]]] = {
    "in time": ([stimulus(10), opened(12.5), cleared(20)], (1, 0, 1, 2.5)),
    "never": ([stimulus(10), cleared(20)], (1, 1, 0, 0)),
    "only after the tool has cleared": ([stimulus(10), cleared(20), opened(21)], (1, 1, 0, 0)),
    "another module": ([stimulus(10, slot=0), opened(12, slot=1), cleared(20, slot=0)], (1, 1, 0, 0)),
    "by its pack": ([stimulus(10), opened(13, slot=-1, pack=0), cleared(20)], (1, 0, 1, 3)),
    "module, then pack": ([stimulus(10), opened(12), opened(13, slot=-1, pack=0), cleared(20)], (1, 0, 1, 2)),
    "still under way": ([stimulus(10), opened(12)], (0, 0, 1, 2)),
    "twice": (
        [stimulus(10), opened(12), cleared(20), stimulus(200), opened(203), cleared(210)],
        (2, 0, 2, 5),
    ),
    "two modules at once": (
        [stimulus(10, 0), stimulus(11, 1), opened(12, 0), cleared(20, 0), opened(21, 1), cleared(21.5, 1)],
        (2, 0, 2, 12),
    ),
}
"""Ended, missed, isolated, seconds."""


@pytest.mark.parametrize("name", TESTS)
def test_how_self_tests_end(name: str) -> None:
    events, wanted = TESTS[name]
    found = followed(*events)
    assert (found.ended[0], found.missed[0], found.isolated[0], found.isolating_s[0]) == pytest.approx(wanted)
    assert found.ended[1:].tolist() == [0.0, 0.0]


EXPLAINED = {
    "its opening": (opened(12), True),
    "a finding of its module": (event(12, "cell_undervoltage", Level.FATAL, slot=0, cell=1), True),
    "a finding of its pack": (event(12, "module_fatal", slot=-1, pack=0), True),
    "what clears late": (event(20 + AFTERMATH_S - 1, "voltage_implausible", slot=0), True),
    "what comes later": (event(20 + AFTERMATH_S, "voltage_implausible", slot=0), False),
    "what was there before": (event(9, "voltage_implausible", slot=0), False),
    "another module's": (event(12, "voltage_implausible", slot=1), False),
    "another site's": (event(12, "voltage_implausible", slot=0, site=1), False),
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_what_a_self_test_explains(name: str) -> None:
    one, explained = EXPLAINED[name]
    assert (one not in followed(stimulus(10), cleared(20), one).unexplained) == explained


def test_a_site_is_undisturbed_again_when_all_is_over() -> None:
    tests = SelfTests(SIZE)
    undisturbed = []
    for begin_s, events in ((0, [stimulus(5)]), (10, [opened(11)]), (20, [cleared(25)]), (30, []), (30 + 60, [])):
        undisturbed.append(tests.follow(calm(begin_s, begin_s + 10, events=events)).undisturbed.tolist())
    assert undisturbed == [[0, 1, 1]] * 4 + [[1, 1, 1]]


def rate(name: str, watch: Watch) -> float:
    numerator, denominator = watch.sums[NAMES.index(name), 0]
    return float(numerator / denominator)


@pytest.mark.parametrize(("told_C_rate", "jumps"), [(0.5, False), (-0.5, True), (0.0, True)])
def test_a_state_of_charge_follows_the_current(told_C_rate: float, jumps: bool) -> None:
    watch = Watch([0], SIZE)
    for minute in range(0, 60, 15):
        soc = np.full((1, SIZE.slots), 0.9 - 0.5 * (minute + 15) / 60)
        current_A = np.full((1, SIZE.slots), told_C_rate * 314.0)
        watch.see(calm(minute * 60, minute * 60 + 900, [0], module_soc=soc, current_A=current_A))
    assert (rate("soc_jumps", watch) > 0.1) == jumps


@pytest.mark.parametrize(
    ("before", "after", "jump"), [(0.8, 0.5, 0.25), (0.5, 0.8, 0.25), (0.8, 0.77, 0.0), (0.7, 1.0, 0.0)]
)
def test_what_is_lost_over_a_silence_is_a_jump_but_to_find_itself_full_is_none(
    before: float, after: float, jump: float
) -> None:
    watch = Watch([0], SIZE)
    for minute, soc in enumerate([before, np.nan, np.nan, after, after]):
        watch.see(calm(minute * 720, (minute + 1) * 720, [0], module_soc=np.full((1, SIZE.slots), soc)))
    assert rate("soc_jumps", watch) == pytest.approx(jump)


@pytest.mark.parametrize("step_s", [1.0, 60.0, 900.0])
def test_a_spread_is_smoothed_by_half_an_hour_whatever_the_tick(step_s: float) -> None:
    watch = Watch([0], SIZE)
    watch.see(calm(0, 1, [0]))
    for number in range(round(1800 / step_s)):
        tick = calm(1 + number * step_s, 1 + (number + 1) * step_s, [0])
        watch.see(replace(tick, cell_voltage_V=3.3 + 2.0 * (tick.cell_voltage_V - 3.3)))
    assert watch.sums[NAMES.index("spread_growth"), 0, 0] == pytest.approx(30.0 * (1.0 - np.exp(-1.0)))
