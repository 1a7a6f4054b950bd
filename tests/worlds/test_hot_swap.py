"""A module leaves a running battery and another joins, 5 % more charged: who lets it, what flows, what is said."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from tests.worlds.small_fleet import SECOND, Kept, homes
from twin.bms.codes import Level
from twin.build import build
from twin.plant.action import Action
from twin.plant.dc_bus import CLOSED, OPEN, PRECHARGE
from twin.scenario import load

SOON, LATE = 0, 1
OUT_S, BACK_S = 60, {SOON: 80, LATE: 120}
ASKED_W = 4000.0
NEARLY_EMPTY = (
    "fleet.spread.soc=0.15",
    "faults=[{kind: module_swap, site: 0, module: 1, start_s: 60, absent_s: 20, soc: 0.20}]",
)
"""Where the OCV curve is steep: 5 % of charge are 1.2 V."""


@cache
def _run(architecture: str, overrides: tuple[str, ...] = ()) -> Kept:
    return Kept(load("hot_swap", (f"bms.architecture={architecture}", *overrides)))


def _switched(kept: Kept, home: int, since_s: float) -> list[tuple[int, str]]:
    return [
        (one.slot, one.message.split()[-1])
        for one in kept.events(home, code="contactor")
        if one.time_ns >= since_s * SECOND
    ]


def _said(kept: Kept, home: int) -> list[tuple[str, Level, int]]:
    told = [one for one in kept.events(home) if one.source not in ("scenario", "plant", "network")]
    return [(one.code, one.level, one.slot) for one in told if one.time_ns >= OUT_S * SECOND]


@pytest.mark.parametrize("home", [SOON, LATE])
@pytest.mark.parametrize("architecture", ["hybrid", "distributed"])
def test_the_others_go_on_and_the_new_one_joins(architecture: str, home: int) -> None:
    kept, back_s = _run(architecture), BACK_S[home]
    power_W, current_A = kept.signal("power_W", home), kept.signal("current_A", home)
    assert power_W[OUT_S - 10 :] == pytest.approx(ASKED_W), "nobody at home notices"
    assert _switched(kept, home, OUT_S) == [(1, "closed")]
    (closed,) = (one for one in kept.events(home, code="contactor") if one.time_ns >= OUT_S * SECOND)
    assert back_s < closed.time_ns * 1e-9 < back_s + 2.1, "a task, or two, and the contactor"
    assert current_A[OUT_S + 5].tolist() == pytest.approx([25.6, 0.0, 25.6, 25.6], abs=0.1)
    assert 20.0 < current_A[back_s + 3, 1] < 40.0, "5 % are little voltage on the plateau"
    assert current_A[-1, 1] > current_A[-1, 0] > 17.0, "and wear off"


@pytest.mark.parametrize("architecture", ["hybrid", "distributed"])
def test_what_is_said_of_it(architecture: str) -> None:
    arc = next(one for one in _run(architecture).events(SOON) if one.code == "arc")
    assert arc.message == "the module was unplugged at 19 A: its contactor was not open"
    silent = [("module_silent", Level.WARNING, 1), ("module_silent", Level.OK, 1)]
    assert _said(_run(architecture), SOON) == _said(_run(architecture), LATE) == silent
    told = _run(architecture).events(SOON, code="module_silent")[0]
    assert told.message.startswith("pack 1, module 2: module not heard on the bus, for ")


@pytest.mark.parametrize("architecture", ["hybrid", "distributed"])
def test_its_charge_is_known_again(architecture: str) -> None:
    soc = _run(architecture).signal("module_soc", SOON)
    assert soc[OUT_S - 5, 1] == pytest.approx(0.5, abs=0.06), "remembered, with an error"
    assert soc[-1, 1] == pytest.approx(0.55, abs=0.01)


def test_a_central_controller_waits_for_readings_then_opens() -> None:
    kept = _run("centralized")
    assert _switched(kept, SOON, OUT_S) == []
    assert kept.signal("power_W", SOON)[OUT_S:] == pytest.approx(ASKED_W)
    assert _switched(kept, LATE, OUT_S) == [(-1, "opened")]
    assert (kept.signal("power_W", LATE)[BACK_S[LATE] :] == 0.0).all(), "what is fatal stays so until it is cleared"
    assert ("reading_stale", Level.FATAL, 1) in _said(kept, LATE)
    assert abs(kept.signal("current_A", LATE)[BACK_S[LATE] + 3, 1]) > 3.0, "and modules feed each other meanwhile"


def test_far_apart_peers_wait_and_a_hybrid_does_not() -> None:
    """A joins B through a resistor until 1 % is left, which under load it never is; the hybrid meets its neighbours."""
    peers, hybrid = (_run(name, NEARLY_EMPTY) for name in ("distributed", "hybrid"))
    assert peers.signal("module_state")[-1].tolist() == [CLOSED, PRECHARGE, CLOSED, CLOSED]
    assert abs(peers.signal("current_A")[-1, 1]) < 0.1
    assert hybrid.signal("module_state")[-1].tolist() == [CLOSED] * 4
    assert 140.0 < hybrid.signal("current_A")[:, 1].max() < 200.0


@pytest.mark.parametrize("architecture", ["hybrid", "distributed"])
def test_the_same_module_comes_back_with_its_ecu(architecture: str) -> None:
    scenario = homes(architecture, duration_s=60)
    world = build(scenario)
    changes = tuple(Action(at_s * SECOND, 0, "present", plugged, slot=1) for at_s, plugged in ((20, 0.0), (35, 1.0)))
    kept = Kept(scenario, replace(world, fleet=replace(world.fleet, actions=changes)))
    state, soc = kept.signal("module_state")[:, 1], kept.signal("module_soc")[:, 1]
    assert state[15] == state[-1] == CLOSED, "it is told anew to close"
    assert (state[21:35] == OPEN).all()
    assert (soc[21:34] == soc[21]).all(), "its ECU is away with it"
    assert soc[-1] < soc[33] == pytest.approx(soc[-1], abs=1e-3), "and counts on from what it remembers"
    assert "ecu_restarted" in {one.code for one in kept.events() if one.slot == 1}
