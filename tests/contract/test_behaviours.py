"""Every behaviour keeps what behaviours promise: its sums do not depend on ticks, and get worse with cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.worlds.told_sites import SIZE, calm, cleared, event, opened, stimulus
from twin.bms.codes import Level
from twin.bms.events import Event
from twin.ota.behaviour.observation import Observation
from twin.ota.behaviour.watch import Watch, behaviours

NAMES = tuple(behaviours())
FIRST = np.array([0])
HOUR_S = 3600.0


def values(ticks: Sequence[Observation], rows: Sequence[int] = (0, 1, 2)) -> npt.NDArray[np.float64]:
    """Return ``[behaviour, site]``; NaN where nothing was told."""
    watch = Watch(rows, SIZE)
    for tick in ticks:
        watch.see(tick)
    with np.errstate(invalid="ignore"):
        return watch.sums[..., 0] / watch.sums[..., 1]


def hours(step_s: float, rows: Sequence[int] = (0, 1, 2)) -> Iterator[Observation]:
    """Yield two calm hours in equal ticks."""
    for number in range(round(2 * HOUR_S / step_s)):
        yield calm(number * step_s, (number + 1) * step_s, rows)


@cache
def two_hours(step_s: float) -> npt.NDArray[np.float64]:
    return values(list(hours(step_s)))


@cache
def parted_hours() -> npt.NDArray[np.float64]:
    pairs = zip(hours(60.0, [2, 0]), hours(60.0, [1]), strict=True)
    return values([tick for pair in pairs for tick in pair])


def first(**changed: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]) -> Callable[..., Observation]:
    """Return what changes site 0 of a tick."""

    def change(seen: Observation) -> Observation:
        arrays = {}
        for name, how in changed.items():
            arrays[name] = getattr(seen, name).copy()
            arrays[name][FIRST] = how(arrays[name][FIRST])
        return replace(seen, **arrays)

    return change


def with_events(*events: Event) -> Callable[[Observation], Observation]:
    return lambda seen: replace(seen, events=events)


WORSE: dict[str, Callable[[Observation], Observation]] = {
    "balancing_direction": first(bleed=lambda duty: duty[..., ::-1]),
    "bus_load": first(busy_ns=lambda busy: busy * 4),
    "fatal_findings": with_events(event(HOUR_S + 1, "overtemperature", Level.FATAL, slot=0)),
    "isolations": with_events(opened(HOUR_S + 1)),
    "missed_self_tests": with_events(stimulus(HOUR_S + 1), cleared(HOUR_S + 11)),
    "open_contactors": first(module_state=lambda state: state * 0),
    "power_limit": first(charge_limit_W=lambda limit: limit * 0.5),
    "restarts": first(restarts=lambda count: count + 3),
    "silence": first(silent=lambda share: share + 0.3),
    "soc_jumps": first(module_soc=lambda soc: soc - 0.3),
    "spread_growth": first(cell_voltage_V=lambda volts: 3.3 + (volts - 3.3) * 3.0),
    "telemetry": first(frames=lambda count: count - 40_000),
    "temperature": first(temperature_K=lambda kelvin: kelvin + 10.0),
    "time_to_isolate": with_events(stimulus(HOUR_S + 1), opened(HOUR_S + 8), cleared(HOUR_S + 11)),
    "unserved_power": first(power_W=lambda power: power * 0.5),
    "warning_findings": with_events(event(HOUR_S + 1, "module_silent", slot=0)),
}
"""What an operator sees in the second hour where something is worse at site 0."""
BEFORE = {
    "time_to_isolate": with_events(stimulus(1), opened(2.5), cleared(11)),
    "missed_self_tests": with_events(stimulus(1), opened(2.5), cleared(11)),
}
"""What is seen in the first hour, where calm tells nothing."""


def test_every_behaviour_has_something_that_makes_it_worse() -> None:
    assert WORSE.keys() == behaviours().keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_behaviour_says_what_it_is(name: str) -> None:
    kind = behaviours()[name]
    assert kind.title
    assert kind.unit
    assert kind.floor > 0.0
    assert kind.__doc__
    assert kind.worse in ("higher", "lower")


@pytest.mark.parametrize("name", NAMES)
def test_it_gets_worse_with_cause_and_by_what_matters(name: str) -> None:
    kind, place = behaviours()[name], NAMES.index(name)
    before = BEFORE[name](calm(0, HOUR_S)) if name in BEFORE else calm(0, HOUR_S)
    watch = Watch(range(3), SIZE)
    watch.see(before)
    middle = watch.sums.copy()
    watch.see(WORSE[name](calm(HOUR_S, 2 * HOUR_S)))
    with np.errstate(invalid="ignore"):
        later = (watch.sums - middle)[place]
        worse, others = later[0, 0] / later[0, 1], later[1:, 0] / later[1:, 1]
        reference = middle[place, 0, 0] / middle[place, 0, 1] if name in BEFORE else others[0]
    gap = worse - reference if kind.worse == "higher" else reference - worse
    assert gap >= kind.floor
    assert np.array_equal(others[0], others[1], equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_length_of_ticks_leaves_no_trace(name: str) -> None:
    place = NAMES.index(name)
    np.testing.assert_allclose(two_hours(20.0)[place], two_hours(600.0)[place], rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_rows_may_come_apart_and_in_any_order(name: str) -> None:
    place = NAMES.index(name)
    assert np.array_equal(parted_hours()[place], two_hours(60.0)[place], equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
def test_who_is_not_watched_leaves_no_trace(name: str) -> None:
    place = NAMES.index(name)
    loud = [WORSE[other](tick) for other in NAMES for tick in (calm(HOUR_S, 2 * HOUR_S),)]
    quiet = [calm(HOUR_S, 2 * HOUR_S) for _ in NAMES]
    assert np.array_equal(values(loud, [1, 2])[place], values(quiet, [1, 2])[place], equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_site_that_tells_nothing_adds_nothing(name: str) -> None:
    place = NAMES.index(name)

    def mute(seen: Observation) -> Observation:
        floats: dict[str, Any] = {
            key: np.where(np.arange(3).reshape(-1, *(1,) * (value.ndim - 1)) == 0, np.nan, value)
            for key, value in vars(seen).items()
            if isinstance(value, np.ndarray) and value.dtype == np.float64
        }
        return replace(seen, **floats)

    watch = Watch(range(3), SIZE)
    for tick in hours(60.0):
        watch.see(mute(tick))
    assert np.isfinite(watch.sums[place]).all()
    assert np.array_equal(watch.sums[place, 1], watch.sums[place, 2])
