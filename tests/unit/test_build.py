"""What a scenario's options become in the world's parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from twin import resources
from twin.analysis.bus_bounds import site_bounds
from twin.bms.effects import NEVER, EcuFault, Harness, Mishap, WhileBalancing
from twin.build import _isolating, _unplugged, build
from twin.network.disturbances import Wire
from twin.plant.action import Action, Actuator, Change, Replacement
from twin.scenario import Scenario, load
from twin.scenario.architecture import architecture_of
from twin.site_buses import BalancingNoise, SiteBuses

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


WELDS: dict[str, tuple[str, Actuator, Actuator]] = {
    "a module where modules have contactors": ("hybrid", "module_welded", "module_welded"),
    "a pack where packs have": ("hybrid", "pack_welded", "pack_welded"),
    "a module where only packs have": ("centralized", "module_welded", "pack_welded"),
    "a pack where only packs have": ("centralized", "pack_welded", "pack_welded"),
    "a pack where only modules have": ("distributed", "pack_welded", "module_welded"),
}


@pytest.mark.parametrize(("architecture", "stated", "lands"), WELDS.values(), ids=WELDS.keys())
def test_a_weld_lands_on_the_contactor_that_isolates(architecture: str, stated: Actuator, lands: Actuator) -> None:
    others: list[Change] = [Action(1, 0, "extra_heat_W", 5.0, 1, 2), Replacement(2, 0, 1, 0.3, 314.0, 1.0, 298.15)]
    kind = architecture_of(scenario(f"bms.architecture={architecture}"))
    landed = list(_isolating([*others, Action(3, 0, stated, 1.0, 1)], kind))
    assert landed == [*others, Action(3, 0, lands, 1.0, 1)]
    world = build(scenario(f"bms.architecture={architecture}"))
    assert lands in world.plant.actuators
    world.close()


OTHER: Mishap = EcuFault(5, 9, 0, 0, "module", "hang")
HARNESSES: dict[str, tuple[str, list[Mishap], list[tuple[int, int, str, bool]], int]] = {
    "a monitor's is its node's wire": (
        "hybrid",
        [Harness(3, 7, 2, 1), OTHER],
        [(3, 2, "Module02", False), (7, 2, "Module02", True)],
        1,
    ),
    "one that stays off": ("distributed", [Harness(3, NEVER, 0, 0)], [(3, 0, "Module01", False)], 0),
    "all of a site": (
        "hybrid",
        [Harness(3, NEVER, 0, -1)],
        [(3, 0, "Module01", False), (3, 0, "Module02", False)],
        0,
    ),
    "off again at the instant at which it was on": (
        "hybrid",
        [Harness(5, 9, 0, 0), Harness(2, 5, 0, 0)],
        [(2, 0, "Module01", False), (5, 0, "Module01", True), (5, 0, "Module01", False), (9, 0, "Module01", True)],
        0,
    ),
    "sense wires of a central controller": ("centralized", [Harness(3, 7, 2, 1), OTHER], [], 2),
}


@pytest.mark.parametrize(("architecture", "mishaps", "wires", "left"), HARNESSES.values(), ids=HARNESSES.keys())
def test_where_a_module_has_a_node_its_harness_is_a_wire_of_the_bus(
    architecture: str, mishaps: list[Mishap], wires: list[tuple[int, int, str, bool]], left: int
) -> None:
    disturbances, others = _unplugged(mishaps, architecture_of(scenario(f"bms.architecture={architecture}")))
    told = [(one.time_ns, one.site, one.node, one.connected) for one in disturbances if isinstance(one, Wire)]
    assert told == wires
    assert len(disturbances) == len(wires)
    assert len(others) == left


class Bus:
    """Notes what noise it is told of."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int, int, float]] = []

    def noise(self, segment: int, rows: Any, time_ns: Any, rate: float) -> None:
        self.told.append((segment, int(rows[0]), int(time_ns[0]), rate))


def test_the_strongest_noise_of_those_that_balance_counts() -> None:
    mishaps = [
        WhileBalancing(2, 8, 1, 0, 0.01),
        WhileBalancing(0, 99, 1, -1, 0.002),
        EcuFault(5, 9, 0, 0, "module", "hang"),
    ]
    bus = Bus()
    wires = SiteBuses.of(scenario("bus.bit_error_rate=1e-6")).wires
    noise = BalancingNoise(mishaps, bus, wires)  # type: ignore[arg-type]
    duty = np.zeros((2, 2, 16))
    noise.update(0, None)
    duty[0, 0, 3] = 1.0
    noise.update(1, duty)
    assert bus.told == [], "nobody balances at the site of the fault"
    for time_ns, slot, value in ((1, 1, 0.5), (2, 1, 0.5), (3, 0, 1.0), (4, 0, 1.0), (8, 0, 1.0), (9, 0, 0.0)):
        duty[1, slot, 7] = value
        noise.update(time_ns, duty)
    duty[:] = 0.0
    noise.update(10, duty)
    noise.update(99, np.ones_like(duty))
    assert bus.told == [(0, 1, 1, 0.002), (0, 1, 3, 0.01), (0, 1, 8, 0.002), (0, 1, 10, 1e-6)]
