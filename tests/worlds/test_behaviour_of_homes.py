"""Homes of each architecture that are watched: self-tests of protection end well, and what goes wrong shows."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.worlds.watched_fleet import home_fleet, watched
from twin.bms.events import Event
from twin.ota.behaviour.self_tests import opens
from twin.ota.behaviour.watch import Watch, behaviours

ARCHITECTURES = ("hybrid", "centralized", "distributed")
NAMES = tuple(behaviours())
UNDER: dict[str, Any] = {"module": 1, "cell": 3, "start_s": 40}
OVER: dict[str, Any] = {"module": 0, "cell": 5, "start_s": 40.4, "offset_V": 0.5}
TESTS: list[dict[str, Any]] = [{"site": 0, **UNDER, "every_s": 60, "count": 2}, {"site": 1, **OVER, "stimulus_s": 5.5}]


@cache
def run(architecture: str) -> tuple[Watch, list[Event]]:
    """Three homes: two are tested, the third is not."""
    scenario = home_fleet(3, 175.0, tests=TESTS, bms={"architecture": architecture})
    return watched(scenario)


def value(watch: Watch, name: str, site: int) -> float:
    numerator, denominator = watch.sums[NAMES.index(name), site]
    return float(numerator / denominator) if denominator else np.nan


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_self_test_isolates_in_time_and_ends_well(architecture: str) -> None:
    watch, events = run(architecture)
    assert watch.sums[NAMES.index("time_to_isolate"), :, 1].tolist() == [2.0, 1.0, 0.0]
    assert watch.sums[NAMES.index("missed_self_tests"), :, 1].tolist() == [2.0, 1.0, 0.0]
    for site in (0, 1):
        # Debounce 0.7 s, a scan of up to 0.85 s, the phase of the task, the step: never more than three seconds.
        assert 0.7 < value(watch, "time_to_isolate", site) < 3.0
        assert value(watch, "missed_self_tests", site) == 0.0
        assert [opens(event) for event in events if event.site == site].count(True) >= 1
        last = [event for event in events if event.site == site and event.code == "contactor"][-1]
        assert "closed" in last.message
    assert not [event for event in events if event.site == 2 and opens(event)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", ["isolations", "warning_findings", "fatal_findings", "missed_self_tests"])
def test_what_a_test_leads_to_is_held_against_nobody(architecture: str, name: str) -> None:
    watch, events = run(architecture)
    assert watch.sums[NAMES.index(name), :, 0].tolist() == [0.0, 0.0, 0.0]
    assert [event for event in events if event.code.startswith("cell_") and event.level.name == "FATAL"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_under_voltage_test_leaves_the_state_of_charge_alone(architecture: str) -> None:
    watch, _ = run(architecture)
    assert value(watch, "soc_jumps", 0) == value(watch, "soc_jumps", 2) == 0.0


def test_healthy_homes_look_healthy() -> None:
    watch, _ = run("hybrid")
    assert value(watch, "telemetry", 2) == pytest.approx(26.0, rel=0.01)
    assert 0.004 < value(watch, "bus_load", 2) < 0.008
    assert value(watch, "temperature", 2) == pytest.approx(299.0, abs=3.0)
    assert value(watch, "power_limit", 2) < 0.2


def test_faults_that_are_no_self_test_show_as_behaviour() -> None:
    hot = {"kind": "voltage_sensor_offset", "site": 0, "module": 0, "cell": 2, "start_s": 30, "offset_V": -1.1}
    away = {"kind": "harness_lost", "site": 1, "module": 0, "start_s": 30}
    watch, _ = watched(home_fleet(3, 90.0, faults=[hot, away]))
    assert value(watch, "isolations", 0) > value(watch, "isolations", 2) == 0.0
    assert value(watch, "fatal_findings", 0) > 0.0
    assert value(watch, "open_contactors", 0) > value(watch, "open_contactors", 2) + 0.2
    assert value(watch, "warning_findings", 1) > value(watch, "warning_findings", 2) == 0.0
    assert value(watch, "telemetry", 1) < value(watch, "telemetry", 2) - 1.0
    assert np.isnan(value(watch, "time_to_isolate", 0))
