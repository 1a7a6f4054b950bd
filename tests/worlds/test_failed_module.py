"""One module of four fails under load: what each architecture still gives, what it keeps, and who notices."""

from __future__ import annotations

from functools import cache

import pytest

from tests.worlds.small_fleet import SECOND, Kept
from twin.bms.codes import Level
from twin.plant.dc_bus import CLOSED
from twin.scenario import load

HOT, HUNG, RESTARTED, LOST, WELL = range(5)
FAULT_S = 120
ASKED_W, THREE_W = 18_000.0, 15_300.0
"""Three modules at the 100 A that each may give, and 51 V in whole volts."""
ARCHITECTURES = ("hybrid", "distributed", "centralized")

LEFT_W = {
    "hybrid": {HOT: THREE_W, HUNG: THREE_W, RESTARTED: ASKED_W, LOST: THREE_W, WELL: ASKED_W},
    "distributed": {HOT: THREE_W, HUNG: THREE_W, RESTARTED: ASKED_W, LOST: THREE_W, WELL: ASKED_W},
    "centralized": {HOT: 0.0, HUNG: 0.0, RESTARTED: ASKED_W, LOST: 0.0, WELL: ASKED_W},
}
"""Power at the end: who has one controller loses all with it."""
CONNECTED = {
    "hybrid": {HOT: 3, HUNG: 4, RESTARTED: 4, LOST: 4, WELL: 4},
    "distributed": {HOT: 3, HUNG: 4, RESTARTED: 4, LOST: 4, WELL: 4},
    "centralized": {HOT: 0, HUNG: 4, RESTARTED: 4, LOST: 0, WELL: 4},
}
"""Modules that hang on the link at the end: what nobody commands to open stays closed."""
NOTICED = {
    "hybrid": {HUNG: {"pack_controller"}, LOST: {"pack_controller"}},
    "distributed": {HUNG: {"peer_monitor"}, LOST: {"peer_monitor"}},
    "centralized": {HUNG: set(), LOST: {"central_controller"}},
}
"""Who tells of it: nobody watches the only one."""


@cache
def _run(architecture: str) -> Kept:
    return Kept(load("failed_module", (f"bms.architecture={architecture}",)))


def _connected(kept: Kept, home: int) -> int:
    whole = kept.signal("pack_state", home)[-1] == CLOSED
    return int((kept.signal("module_state", home)[-1] == CLOSED).sum() * whole)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_all_give_what_is_asked_before_it(architecture: str) -> None:
    for home in range(5):
        assert _run(architecture).signal("power_W", home)[FAULT_S - 2] == pytest.approx(ASKED_W)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_power_that_is_left(architecture: str) -> None:
    left_W = {home: float(_run(architecture).signal("power_W", home)[-1]) for home in range(5)}
    assert left_W == pytest.approx(LEFT_W[architecture], rel=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_modules_that_stay_connected(architecture: str) -> None:
    assert {home: _connected(_run(architecture), home) for home in range(5)} == CONNECTED[architecture]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_each_gives_while_a_module_is_hot(architecture: str) -> None:
    """Those with contactors of their modules never stop; the other is off a few ticks after."""
    power_W = _run(architecture).signal("power_W", HOT)[FAULT_S:]
    assert (power_W.min() > 0.7 * ASKED_W) == (architecture != "centralized")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_who_notices(architecture: str) -> None:
    for home, sources in NOTICED[architecture].items():
        events = [one for one in _run(architecture).events(home) if one.time_ns >= FAULT_S * SECOND]
        told = [one for one in events if one.source not in ("scenario", "plant", "network")]
        assert {one.source for one in told} == sources
        first = [one for one in told if one.slot == 1][:1]
        assert all(FAULT_S * SECOND < one.time_ns < (FAULT_S + 5) * SECOND for one in first)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_sound_home_says_nothing(architecture: str) -> None:
    told = _run(architecture).events(WELL)
    assert {one.code for one in told} == {"contactor"}
    assert max(one.level for one in told) == Level.INFO
