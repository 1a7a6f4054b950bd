"""The three architectures on one plant: who closes first, who opens what, what is left, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.worlds.small_fleet import Kept, homes
from twin.bms.codes import Level
from twin.bms.events import Event

ARCHITECTURES = ("hybrid", "centralized", "distributed")
FAULT_S = 25
FATE: dict[str, dict[str, Any]] = {
    "a module is too hot": {"kind": "over_temperature", "module": 1, "cell": 3, "heat_W": 40_000, "duration_s": 8},
    "insulation is lost": {"kind": "insulation_loss"},
    "the inverter ignores its limits": {"kind": "over_charge", "charge_W": 30_000},
    "an ECU restarts": {"kind": "ecu_reset", "module": 1, "duration_s": 3},
    "a module is swapped": {"kind": "module_swap", "module": 1, "absent_s": 10, "soc": 0.52},
    "a harness is lost": {"kind": "harness_lost", "module": 1, "duration_s": 10},
    "an ECU hangs": {"kind": "ecu_hang", "module": 2},
    "codes stay": {"kind": "stale_codes", "module": 1, "duration_s": 20},
    "events are anonymous": {"kind": "anonymous_events", "module": 1},
}
SITE = {name: site for site, name in enumerate(FATE, 1)}
"""Home 0 has no fate."""


@pytest.fixture(scope="module")
def run() -> Callable[[str], Kept]:
    fates = [*FATE.items(), *((name, FATE["a harness is lost"]) for name in ("codes stay", "events are anonymous"))]
    faults = [{"start_s": FAULT_S, "site": SITE[name], **fault} for name, fault in fates]
    kept: dict[str, Kept] = {}

    def of(architecture: str) -> Kept:
        if architecture not in kept:
            scenario = homes(architecture, faults, len(FATE) + 1, 60, bms={"charge_limit_A": 20})
            kept[architecture] = Kept(scenario)
        return kept[architecture]

    return of


def _moves(events: list[Event]) -> list[tuple[int, str]]:
    """Return what contactors did, in order: slot, or -1 for the main one, and the last word."""
    return [(event.slot, event.message.split()[-1]) for event in events if event.code == "contactor"]


def _found(events: list[Event], least: Level = Level.INFO) -> set[str]:
    """Return what ECUs found from the fault on."""
    told = [event for event in events if event.source.split("_")[-1] in ("monitor", "controller")]
    return {event.code for event in told if event.level >= least and event.time_ns >= FAULT_S * 10**9}


STARTS = {
    "hybrid": ([0, 1, 2], "closed", (-1, "pre-charges"), (-1, "closed")),
    "centralized": ([], "", (-1, "pre-charges"), (-1, "closed")),
}


@pytest.mark.parametrize("architecture", STARTS)
def test_the_main_contactor_closes_last_by_way_of_pre_charge(run: Callable[[str], Kept], architecture: str) -> None:
    modules, verb, *main = STARTS[architecture]
    for site in SITE.values():
        moves = [move for move in _moves(run(architecture).events(site)) if move][: len(modules) + 2]
        assert sorted(moves[: len(modules)]) == [(slot, verb) for slot in modules]
        assert moves[len(modules) :] == main


def test_the_first_of_peers_charges_the_link_and_the_others_join(run: Callable[[str], Kept]) -> None:
    for site in SITE.values():
        moves = _moves(run("distributed").events(site))
        assert moves[0] == (0, "pre-charges")
        assert moves.index((0, "pre-charges")) < min(moves.index((slot, "closed")) for slot in range(3))
        assert {slot for slot, verb in moves if verb == "closed"} == {0, 1, 2}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_sound_home_delivers_and_nothing_is_found(run: Callable[[str], Kept], architecture: str) -> None:
    kept = run(architecture)
    assert not {event.code for event in kept.events() if event.source not in ("plant", "scenario")}
    np.testing.assert_allclose(kept.signal("power_W")[20:], 2000.0, rtol=1e-3)
    assert (kept.signal("module_state")[20:] == 2).all()
    np.testing.assert_allclose(kept.signal("current_A")[20:].sum(axis=1), 2000.0 / 53.0, rtol=0.02)
    assert abs(kept.signal("pack_soc")[-1] - 0.5) < 0.05


LOST: dict[str, tuple[list[tuple[int, str]], float, set[str]]] = {
    "hybrid": ([(1, "opened")], 2000.0, {"overtemperature", "temperature_implausible", "module_fatal"}),
    "centralized": ([(-1, "opened")], 0.0, {"overtemperature", "temperature_implausible"}),
    "distributed": ([(1, "opened")], 2000.0, {"overtemperature", "temperature_implausible"}),
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_lost_with_a_module(run: Callable[[str], Kept], architecture: str) -> None:
    """The one that can open modules goes on with the others; the other opens the pack."""
    moves, power_W, codes = LOST[architecture]
    kept, site = run(architecture), SITE["a module is too hot"]
    events = [event for event in kept.events(site) if event.time_ns >= FAULT_S * 10**9]
    assert _moves(events) == moves
    assert _found(events) == codes
    assert kept.signal("power_W", site)[-1] == pytest.approx(power_W, rel=1e-3)
    fatal = next(event for event in events if event.code == "overtemperature" and event.level == Level.FATAL)
    opened = next(event for event in events if event.code == "contactor")
    assert (fatal.slot, fatal.cell, fatal.pack) == (1, 3, 0)
    assert fatal.since_ns < fatal.time_ns
    assert 2e-3 * 1e9 <= opened.time_ns - fatal.time_ns <= 1.1e9, "execution, contactor, and nobody's phase but one"
    assert kept.signal("level", site)[-1, 1] == Level.FATAL
    left_A = kept.signal("current_A", site)[-1]
    if architecture == "centralized":
        assert left_A.sum() == pytest.approx(0.0, abs=1e-9)
        assert abs(left_A[1]) > 0.01, "modules without contactors go on feeding each other"
    else:
        assert left_A[1] == 0.0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_lost_insulation_opens_all_and_stays_open(run: Callable[[str], Kept], architecture: str) -> None:
    kept, site = run(architecture), SITE["insulation is lost"]
    events = kept.events(site)
    assert _found(events, Level.FATAL) == {"insulation_low"}
    opened = {slot for slot, verb in _moves(events) if verb == "opened"}
    assert opened == ({0, 1, 2} if architecture == "distributed" else {-1})
    assert (kept.signal("power_W", site)[-15:] == 0.0).all()
    assert sum(event.code == "insulation_low" for event in events) == 1, "one tells"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_inverter_that_ignores_its_limits_is_told_of(run: Callable[[str], Kept], architecture: str) -> None:
    """8 kW are 50 A a module, where 20 are allowed: after 2 s, for the inverter needs time to follow."""
    kept, site = run(architecture), SITE["the inverter ignores its limits"]
    told = [event for event in kept.events(site, code="limits_ignored") if event.level == Level.WARNING]
    assert len(told) == (3 if architecture == "distributed" else 1)
    assert all(2.0 <= (event.time_ns - event.since_ns) * 1e-9 < 3.1 for event in told)
    assert (kept.signal("module_state", site)[-1] == 2).all()


@pytest.mark.parametrize(
    ("architecture", "slot", "codes"),
    [
        ("hybrid", 1, {"ecu_restarted", "module_silent"}),
        ("centralized", -1, {"ecu_restarted"}),
        ("distributed", 1, {"ecu_restarted"}),
    ],
)
def test_a_restarted_ecu_lets_go_and_comes_back(
    run: Callable[[str], Kept], architecture: str, slot: int, codes: set[str]
) -> None:
    kept, site = run(architecture), SITE["an ECU restarts"]
    events = [event for event in kept.events(site) if event.time_ns >= FAULT_S * 10**9]
    moves = _moves(events)
    assert (moves[0], moves[-1]) == ((slot, "opened"), (slot, "closed"))
    assert _found(events) == codes
    np.testing.assert_allclose(kept.signal("power_W", site)[-10:], 2000.0, rtol=1e-3)
    assert abs(kept.signal("module_soc", site)[-1, 1] - kept.signal("module_soc", site)[20, 1]) < 0.01


@pytest.mark.parametrize(
    ("architecture", "code"),
    [("hybrid", "module_silent"), ("centralized", "reading_stale"), ("distributed", "module_silent")],
)
def test_who_is_not_heard_is_told_of_since_the_last_sign_of_life(
    run: Callable[[str], Kept], architecture: str, code: str
) -> None:
    kept, site = run(architecture), SITE["a harness is lost"]
    told = [event for event in kept.events(site, code=code) if event.slot == 1]
    assert told[-1].level == Level.OK
    begun = next(event for event in told if event.level >= Level.INFO)
    assert FAULT_S + 2 < begun.time_ns * 1e-9 < FAULT_S + 5
    assert (kept.signal("module_state", site)[30:] == 2).all()
    if code == "module_silent":
        assert FAULT_S - 1.1 < begun.since_ns * 1e-9 < FAULT_S


@pytest.mark.parametrize("architecture", ["hybrid", "distributed"])
def test_the_ecu_of_a_module_goes_and_comes_with_it(run: Callable[[str], Kept], architecture: str) -> None:
    """What joins knows its own charge, and closes again on command."""
    kept, site = run(architecture), SITE["a module is swapped"]
    believed = kept.signal("module_soc", site)[:, 1]
    assert len(set(believed[FAULT_S + 1 : FAULT_S + 9].tolist())) == 1
    assert believed[-1] == pytest.approx(0.52, abs=0.005)
    moves = _moves([event for event in kept.events(site) if event.time_ns >= FAULT_S * 10**9])
    assert moves[-1] == (1, "closed")
    assert kept.signal("current_A", site)[30, 1] == 0.0
    assert kept.signal("current_A", site)[-1, 1] > 5.0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_a_hanging_ecu_commanded_stays_commanded(run: Callable[[str], Kept], architecture: str) -> None:
    kept, site = run(architecture), SITE["an ECU hangs"]
    assert (kept.signal("module_state", site)[-1] == 2).all()
    assert len(set(kept.signal("module_soc", site)[FAULT_S + 1 :, 2].tolist())) == 1
    assert not [move for move in _moves(kept.events(site)) if move[1] == "opened"]


def _string(architecture: str, **sections: Any) -> Kept:
    faults = [{"site": 0, "start_s": FAULT_S, **FATE["a module is too hot"]}]
    return Kept(homes(architecture, faults, 1, 50, fleet={"connection": "series"}, **sections))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_string_is_lost_with_one_of_its_modules(architecture: str) -> None:
    kept = _string(architecture)
    assert kept.signal("power_W")[20] == pytest.approx(2000.0, rel=1e-3)
    np.testing.assert_allclose(kept.signal("current_A")[20], 2000.0 / 159.0, rtol=0.03)
    assert kept.signal("power_W")[-1] == 0.0


@pytest.mark.parametrize("architecture", ["hybrid", "distributed"])
def test_a_string_goes_on_past_a_bypassed_module(architecture: str) -> None:
    kept = _string(architecture, plant={"bypass": True})
    assert kept.signal("module_state")[-1].tolist() == [2, 0, 2]
    assert kept.signal("power_W")[-1] == pytest.approx(2000.0, rel=1e-3)
    np.testing.assert_allclose(kept.signal("current_A")[-1], [2000.0 / 106.0, 0.0, 2000.0 / 106.0], rtol=0.03)


def test_a_stale_code_goes_when_staleness_does(run: Callable[[str], Kept]) -> None:
    """The harness is back after 10 s, and the code goes after 20."""
    cleared_s = {}
    for name in ("a harness is lost", "codes stay"):
        told = run("centralized").events(SITE[name], code="reading_stale")
        (cleared_s[name],) = (event.time_ns * 1e-9 for event in told if event.level == Level.OK)
    assert cleared_s["a harness is lost"] == pytest.approx(FAULT_S + 11.0, abs=1.0)
    assert cleared_s["codes stay"] == pytest.approx(FAULT_S + 20.5, abs=0.6)


def test_anonymous_events_name_no_module(run: Callable[[str], Kept]) -> None:
    for name, slot, pack in (("a harness is lost", 1, 0), ("events are anonymous", -1, -1)):
        told = run("centralized").events(SITE[name], code="reading_stale")
        assert told
        assert {(event.slot, event.cell, event.pack) for event in told} == {(slot, -1, pack)}
        assert all(("module 2" in event.message) == (slot == 1) for event in told)
