"""What diagnoses find in modules with one thing wrong, and that they find nothing else, and nothing in sound ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sin
from typing import Any

import numpy as np
import pytest

from tests.worlds.watched_module import Readings, Run, World, found_by
from twin.bms.codes import Level
from twin.bms.rows import put, take
from twin.plant.dc_bus import OPEN

INFO, WARNING, FATAL = Level.INFO, Level.WARNING, Level.FATAL
DAY_S = 86400.0
ROW, CELL = 1, 5


def _voltage(*change_V: float) -> Callable[[Readings, float], None]:
    """Return what adds to the readings of the cell and the ones behind it."""

    def wrong(readings: Readings, _: float) -> None:
        readings.voltage_V[ROW, CELL : CELL + len(change_V)] += change_V

    return wrong


def _reads(quantity: str, value: float) -> Callable[[Readings, float], None]:
    def wrong(readings: Readings, _: float) -> None:
        array = getattr(readings, quantity)
        array[(ROW, CELL)[: array.ndim]] = value

    return wrong


def _warmer(offset_K: float) -> Callable[[Readings, float], None]:
    def wrong(readings: Readings, _: float) -> None:
        readings.temperature_K[ROW, CELL] += offset_K

    return wrong


def _jitter(readings: Readings, time_s: float) -> None:
    readings.voltage_V[ROW, CELL] += 0.015 * sin(1000.0 * time_s)


def _common_wire(readings: Readings, time_s: float) -> None:
    """Add what 0.1 A of balancing does on 0.2 Ohm of sense wire."""
    readings.voltage_V[ROW, CELL - 1 : CELL + 2] += _minutes(time_s) * np.array([0.02, -0.04, 0.02])


def _corrected(time_s: float) -> float:
    return 0.25 * (time_s > 100)


def _minutes(time_s: float) -> float:
    return float(int(time_s) // 60 % 2)


def _steps(time_s: float) -> float:
    """Return a load that is switched every five minutes."""
    return 60.0 if int(time_s) // 300 % 2 else 10.0


def _week(time_s: float) -> float:
    """Return a household's day: little at night, charging at noon, some load in the evening."""
    return 25.0 * sin(time_s / DAY_S * 2 * pi) * (1.0 if int(time_s) // 900 % 2 else 0.2)


def _cycles(time_s: float) -> float:
    """Return six hours of charging and six of discharging, every second hour at rest."""
    return 50.0 * (1 if int(time_s) // 21600 % 2 else -1) if int(time_s) // 3600 % 2 else 0.0


SLOW: dict[str, Any] = {"step_s": 60.0, "wrong_s": 3600.0}


@dataclass(frozen=True)
class Case:
    """A world, for how long it runs, and what must be found in its wrong module: level and cell by code."""

    world: World
    duration_s: float
    found: dict[str, tuple[Level, int]]
    also: frozenset[str] = frozenset()
    """What may be found besides."""


CASES = {
    "offset of a cell's voltage": Case(
        World(breaks=_voltage(0.15)), 200, {"voltage_implausible": (WARNING, CELL)}, frozenset({"cell_imbalance"})
    ),
    "small offset": Case(World(breaks=_voltage(-0.07)), 200, {"voltage_implausible": (INFO, CELL)}),
    "open sense wire, at the rails": Case(World(breaks=_voltage(-3.3, 3.3)), 200, {"open_sense_wire": (WARNING, CELL)}),
    "open sense wire, by half a volt": Case(
        World(breaks=_voltage(-0.5, 0.5)), 200, {"open_sense_wire": (WARNING, CELL)}
    ),
    "voltage input dead": Case(
        World(breaks=_reads("voltage_V", 0.0)),
        200,
        {"voltage_implausible": (WARNING, CELL)},
        frozenset({"open_sense_wire"}),
    ),
    "voltage stuck under load": Case(
        World(breaks=_reads("voltage_V", 3.27), current_A=_steps),
        900,
        {"voltage_stuck": (WARNING, CELL)},
        frozenset({"voltage_implausible"}),
    ),
    "voltage stuck at rest": Case(
        World(breaks=_reads("voltage_V", 3.278)),
        500,
        {"voltage_stuck": (WARNING, CELL)},
        frozenset({"voltage_implausible"}),
    ),
    "voltage jitters": Case(World(breaks=_jitter), 400, {"voltage_noisy": (WARNING, CELL)}),
    "temperature sensor jumps": Case(World(breaks=_warmer(8.0)), 200, {"temperature_implausible": (WARNING, CELL)}),
    "temperature sensor open": Case(
        World(breaks=_reads("temperature_K", 200.0)), 200, {"temperature_implausible": (WARNING, CELL)}
    ),
    "temperature sensor open from the start": Case(
        World(breaks=_reads("temperature_K", 200.0), wrong_s=0.0), 60, {"temperature_implausible": (WARNING, CELL)}
    ),
    "temperature stuck while all others warm up": Case(
        World(breaks=_reads("temperature_K", 298.0), current_A=lambda _: 170.0, soc=0.9, step_s=5.0),
        4000,
        {"temperature_stuck": (WARNING, CELL)},
    ),
    "cell warms by 0.3 K/s": Case(World(extra_W=1900.0), 90, {"thermal_runaway": (FATAL, CELL)}),
    "contact resistance": Case(World(extra_ohm=1e-3, current_A=_steps), 2400, {"high_resistance": (WARNING, CELL)}),
    "contact resistance that comes under a steady load": Case(
        World(extra_ohm=1e-3, current_A=lambda _: 40.0), 200, {"high_resistance": (WARNING, CELL)}
    ),
    "internal short of 33 A": Case(
        World(leak_A=33.0, soc=0.5, **SLOW), 10800, {"internal_short": (FATAL, CELL)}, frozenset({"cell_imbalance"})
    ),
    "internal short of 1 A": Case(World(leak_A=1.0, soc=0.5, **SLOW), 2 * DAY_S, {"internal_short": (WARNING, CELL)}),
    "cell of four fifths": Case(
        World(capacity=0.8, soc=0.4, current_A=_cycles, **SLOW),
        DAY_S / 2,
        {"weak_cell": (WARNING, CELL)},
        frozenset({"cell_imbalance"}),
    ),
    "balancing without effect": Case(
        World(duty=lambda _: 1.0, leak_A=-0.1, soc=0.3, **SLOW), DAY_S, {"balancing_ineffective": (WARNING, CELL)}
    ),
    "common wire": Case(
        World(breaks=_common_wire, duty=_minutes, wrong_s=0.0), 400, {"balancing_disturbs_measurement": (WARNING, CELL)}
    ),
    "current sensor off at an open contactor": Case(
        World(commanded=OPEN, link_V=0.0, breaks=_reads("current_A", 5.0)), 100, {"current_implausible": (WARNING, -1)}
    ),
    "current goes on through an open contactor": Case(
        World(commanded=OPEN, breaks=_reads("current_A", 20.0)), 100, {"contactor_welded": (FATAL, -1)}
    ),
    "readings stop": Case(World(breaks=_reads("fresh", False)), 120, {"reading_stale": (FATAL, -1)}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_is_wrong_is_found(case: Case) -> None:
    sound, wrong = found_by(case.world, case.duration_s)
    assert not sound
    told = {name: (highest.level, highest.cell) for name, highest in wrong.items() if name not in case.also}
    assert told == case.found


WHOLE = {
    "contactor does not close": (World(link_V=0.0), 20, "contactor_stuck_open", FATAL),
    "cooling stands still": (World(flow=1.0, current_A=lambda _: 150.0, soc=0.95), 1500, "cooling_failed", WARNING),
    "count and voltage disagree": (World(counted=_corrected), 200, "capacity_mismatch", WARNING),
    "cells far apart": (World(spread=0.03, soc=0.10), 60, "cell_imbalance", WARNING),
}  # fmt: skip


@pytest.mark.parametrize(("world", "duration_s", "code", "level"), WHOLE.values(), ids=WHOLE.keys())
def test_what_is_wrong_with_whole_modules_is_found(world: World, duration_s: float, code: str, level: Level) -> None:
    for found in found_by(world, duration_s):
        assert (found[code].level, found.keys() - {"cell_undervoltage"}) == (level, {code})


def test_swapped_leads_are_told_from_a_leak() -> None:
    swapped = World(duty=lambda _: 1.0, duty_lands_on=9, soc=0.3, **SLOW)
    for found in found_by(swapped, 1.5 * DAY_S):
        assert {name: one.cell for name, one in found.items()} == {
            "balancing_ineffective": 5,
            "balancing_wrong_cell": 9,
        }


SOUND = {
    "at rest": (World(spread=0.01), 600),
    "load steps": (World(current_A=_steps, spread=0.01), 3000),
    "two days of a home": (World(current_A=_week, spread=0.005, soc=0.55, step_s=60.0), 2 * DAY_S),
    "two days of balancing": (World(duty=lambda _: 1.0, soc=0.3, step_s=60.0), 2 * DAY_S),
    "cycles": (World(current_A=_cycles, soc=0.4, step_s=60.0), DAY_S),
    "charging at the highest current": (World(current_A=lambda _: -150.0, soc=0.3), 900),
}  # fmt: skip


@pytest.mark.parametrize(("world", "duration_s"), SOUND.values(), ids=SOUND.keys())
def test_nothing_is_found_in_sound_modules(world: World, duration_s: float) -> None:
    assert found_by(world, duration_s) == [{}, {}]


def test_a_broken_voltage_input_isolates_nothing() -> None:
    """A reading that cannot be true is no under-voltage; the module's own voltage says that the cell has more."""
    for case in ("voltage input dead", "open sense wire, at the rails"):
        _, wrong = found_by(CASES[case].world, 200)
        assert not any(highest.level == FATAL for highest in wrong.values()), case


def test_a_cell_that_really_is_empty_is_no_broken_input() -> None:
    """The same reading, but the voltage of the module agrees with it."""

    def empty(readings: Readings, _: float) -> None:
        readings.module_V[ROW] -= readings.voltage_V[ROW, CELL] - 0.5
        readings.voltage_V[ROW, CELL] = 0.5

    _, wrong = found_by(World(breaks=empty), 70)
    assert (wrong["cell_undervoltage"].level, wrong["deep_discharge"].level) == (FATAL, FATAL)


def test_a_cell_that_burns_is_no_broken_sensor() -> None:
    """Beyond what a sensor that works should read, but reached by and by: over-temperature cannot be cleared."""
    run = Run(World(extra_W=6300.0, wrong_s=10.0))
    names = [code.name for code in run.diagnoses.codes]
    for time_s, found in run.looks(180):  # noqa: B007 - the last one counts
        if time_s > 100:
            run.watch = run.diagnoses.clear(run.watch, np.ones(2, np.bool_))
    level = dict(zip(names, found.level[ROW], strict=True))
    assert run.temperature_K[ROW, CELL] > 430.0
    assert (level["overtemperature"], level["temperature_implausible"]) == (FATAL, 0)


def test_nothing_is_said_of_readings_that_are_not_fresh() -> None:
    """What is found stays, and what is about to be found waits, until a reading comes."""
    run = Run(World(breaks=_reads("voltage_V", 3.7), wrong_s=3.0))
    high, levels = 0, []
    for time_s in range(8):
        look = run.look(float(time_s))
        fresh = np.array([True, time_s < 4 or time_s > 6])
        look.measured.fresh[:] = fresh
        run.watch, found = run.diagnoses.step(run.watch, look)
        levels.append(int(found.level[ROW, high]))
    assert levels == [0, 0, 0, 0, 0, 0, 0, FATAL]
    assert found.since_ns[ROW, high] == 3_000_000_000


def test_findings_say_since_when() -> None:
    run = Run(World(breaks=_voltage(0.4), wrong_s=10.0))
    since: dict[str, tuple[float, int]] = {}
    for time_s, found in run.looks(15):
        for place in np.flatnonzero(found.level[ROW]):
            since.setdefault(run.diagnoses.codes[place].name, (time_s, int(found.since_ns[ROW, place])))
    assert since["cell_overvoltage"] == (11.0, 10_000_000_000)
    assert since["voltage_implausible"] == (11.0, 10_000_000_000)


def test_a_clear_command_takes_what_is_over() -> None:
    run = Run(
        World(breaks=lambda readings, time_s: _voltage(0.4)(readings, time_s) if time_s < 5 else None, wrong_s=5.0)
    )
    high, levels = 0, {}
    for time_s, found in run.looks(20):
        levels[time_s] = int(found.level[ROW, high])
        if time_s in (7.0, 15.0):
            run.watch = run.diagnoses.clear(run.watch, np.ones(2, np.bool_))
    assert [levels[time_s] for time_s in (5.0, 6.0, 8.0, 14.0, 16.0, 19.0)] == [0, FATAL, FATAL, FATAL, 0, 0]


def test_modules_do_not_touch_each_other_and_may_be_looked_at_in_parts() -> None:
    """Looking at all rows, or at each for itself, or at some later, gives the same bits."""
    together, apart = Run(World(rows=3, row=2, breaks=None, seed=4)), Run(World(rows=3, row=2, seed=4))
    for time_s in range(45):
        look = together.look(float(time_s))
        together.watch, found = together.diagnoses.step(together.watch, look)
        for row in (2, 0, 1):
            rows = np.array([row])
            part, alone = apart.diagnoses.step(take(apart.watch, rows), look.of(rows))
            put(apart.watch, rows, part)
            np.testing.assert_array_equal(alone.value[0], found.value[row])
            np.testing.assert_array_equal(alone.level[0], found.level[row])
