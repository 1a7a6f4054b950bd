"""What a scenario's options become in the world's parts."""

from __future__ import annotations

import numpy as np
import pytest

from twin import resources
from twin.analysis.bus_bounds import site_bounds
from twin.build import build
from twin.scenario import Scenario, load

HOME = resources.folder("scenarios") / "one_home.yaml"
SECOND_NS = 1_000_000_000


def scenario(*overrides: str) -> Scenario:
    return load(HOME, ["duration_s=60", *overrides])


def test_the_buses_have_the_threads_that_the_scenario_gives_them() -> None:
    world = build(scenario("bus.threads=3"))
    assert world.buses.threads == 3
    world.close()


@pytest.mark.parametrize(("drift", "fast_ns"), [("0", 0), ("200", 1_000_000), (None, 100_000)])
def test_bounds_hold_for_clocks_five_standard_deviations_fast(drift: str | None, fast_ns: int) -> None:
    """A fast clock's second is the deadline."""
    overrides = [] if drift is None else [f"bms.clock_drift_ppm={drift}"]
    (segment,) = site_bounds(scenario(*overrides)).segments
    assert {one.bound.deadline_ns for one in segment.messages} == {SECOND_NS - fast_ns}


def test_ecus_drift_as_the_scenario_says() -> None:
    """A clock's error moves an activation by its share of the time that has passed."""
    instants_ns = {}
    for drift in (0, 20, 40):
        world = build(scenario(f"bms.clock_drift_ppm={drift}"))
        batches = world.controllers._schedule.batches(50 * SECOND_NS)
        instants_ns[drift] = np.sort(np.concatenate([batch.time_ns for batch in batches]))
        world.close()
    once, twice = (instants_ns[drift] - instants_ns[0] for drift in (20, 40))
    assert np.abs(once).max() > 100_000
    np.testing.assert_allclose(twice, 2 * once, atol=50)
