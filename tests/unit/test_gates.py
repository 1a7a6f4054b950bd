"""Gates: what they may be told, when they look, what they say, and how rarely they stop what is healthy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from twin.ota.behaviour.watch import behaviours
from twin.ota.causes import Cause
from twin.ota.gates.gate import OUTCOME, Gate, GateLook, Verdict, compare
from twin.ota.gates.history import History
from twin.ota.gates.options import GateOptions, GatesOptions
from twin.ota.gates.resampling import Recording, replay, resample
from twin.ota.messages import Reports
from twin.ota.states import UpdateState

NAMES = tuple(behaviours())
MINUTE_NS = 60_000_000_000
CANARIES, BASELINE = tuple(range(8)), tuple(range(8, 24))
Transition = tuple[int, UpdateState, Cause]

REFUSED = {
    "a behaviour that does not exist": ({"behaviours": [{"behaviour": "restart"}]}, "did you mean restarts?"),
    "nothing like it": ({"behaviours": [{"behaviour": "xyzzy"}]}, "expected one of balancing_direction"),
    "twice the same": ({"behaviours": [{"behaviour": "restarts"}, {"behaviour": "restarts"}]}, "restarts more than"),
    "none": ({"behaviours": []}, "no behaviour"),
    "a ratio that is no change": ({"behaviours": [{"behaviour": "restarts", "ratio": 1.0}]}, "greater than 1"),
    "more than all failures": ({"tolerated_failures": 1.5}, "less than 1"),
    "any false stop": ({"alpha": 0.9}, "less than or equal to 0.2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_gates_may_not_be_told(name: str) -> None:
    said, why = REFUSED[name]
    with pytest.raises(ValidationError, match=why.replace("?", r"\?")):
        GatesOptions.model_validate(said)


def test_every_unknown_behaviour_is_named_at_once() -> None:
    said = {"behaviours": [{"behaviour": "restart"}, {"behaviour": "bus_loat"}]}
    with pytest.raises(ValidationError) as refused:
        GatesOptions.model_validate(said)
    assert all(hint in str(refused.value) for hint in ("did you mean restarts?", "did you mean bus_load?"))


NEVER = {
    "too few canaries": ((4, 100), {"least_sites": 5}, "never pass"),
    "no baseline": ((8, 0), {}, "expected some of both"),
    "too few to be told apart": ((5, 5), {}, "cannot be told apart"),
    "too many looks": ((8, 8), {"looks": 50}, "fewer looks"),
}


@pytest.mark.parametrize("name", NEVER)
def test_gates_that_could_never_speak_are_told(name: str) -> None:
    sizes, said, why = NEVER[name]
    assert any(why in mistake for mistake in GatesOptions.model_validate(said).mistakes(*sizes))


@pytest.mark.parametrize("sizes", [(8, 8), (8, 32), (5, 60)])
def test_the_usual_gates_can_speak(sizes: tuple[int, int]) -> None:
    assert not list(GatesOptions().mistakes(*sizes))


MATTERS = {
    "as the behaviour says": ({}, 0.021, 0.0, True),
    "less than the behaviour says": ({}, 0.019, 0.0, False),
    "better": ({}, 0.0, 5.0, False),
    "a difference of one's own": ({"difference": 1.0}, 0.9, 0.0, False),
    "a ratio": ({"ratio": 2.0}, 0.004, 0.001, True),
    "less than the ratio": ({"ratio": 2.0}, 1.9, 1.0, False),
    "difference and ratio": ({"difference": 1.0, "ratio": 2.0}, 3.0, 1.9, False),
}


@pytest.mark.parametrize("name", MATTERS)
def test_what_matters(name: str) -> None:
    said, canary, baseline, matters = MATTERS[name]
    assert GateOptions.model_validate({"behaviour": "restarts", **said}).matters(canary, baseline) == matters


def test_where_less_is_worse() -> None:
    gate = GateOptions(behaviour="telemetry")
    assert gate.matters(20.0, 26.0)
    assert not gate.matters(26.0, 20.0)
    assert GateOptions(behaviour="telemetry", ratio=2.0).matters(10.0, 26.0)


def healthy(minutes: int, sites: int = 24, seed: int = 1) -> npt.NDArray[np.float64]:
    """Return sums ``[minute, behaviour, site, 2]`` of sites that differ a little, in the behaviours' own measure."""
    draw = np.random.default_rng(seed)
    floors = np.array([kind.floor for kind in behaviours().values()])[:, None]
    of_site = 10.0 * floors + floors * draw.standard_normal((len(NAMES), sites))
    added = of_site + floors * draw.standard_normal((minutes, len(NAMES), sites))
    return np.stack([np.cumsum(added, axis=0), np.cumsum(np.ones_like(added), axis=0)], axis=-1)


def reports(minute: int, sums: npt.NDArray[np.float64], transitions: Sequence[Transition] = ()) -> Reports:
    every = np.arange(sums.shape[1])
    site, state, cause = (
        (np.array(one, np.int64) for one in zip(*transitions, strict=True))
        if transitions
        else 3 * [np.zeros(0, np.int64)]
    )
    ones = np.ones(len(site), np.int64)
    return Reports(
        minute * MINUTE_NS * ones, site, state.astype(np.int8), cause.astype(np.int8), ones, ones,
        members=every, contact_ns=every, watched=every, sums=sums,
    )  # fmt: skip


def looks(
    sums: npt.NDArray[np.float64],
    transitions: Mapping[int, Sequence[Transition]],
    options: GatesOptions,
) -> list[tuple[int, GateLook]]:
    """Return what a gate says, minute by minute."""
    history, gate, said = History(), Gate(options, CANARIES, BASELINE), []
    for minute in range(len(sums)):
        history.note(minute * MINUTE_NS, reports(minute, sums[minute], transitions.get(minute, ())))
        if look := gate.look(history, minute * MINUTE_NS):
            said.append((minute, look))
    return said


def succeed(*sites: int) -> list[Transition]:
    return [(site, UpdateState.SUCCESS, Cause.NONE) for site in sites]


def fail(cause: Cause, *sites: int) -> list[Transition]:
    return [(site, UpdateState.FAILURE, cause) for site in sites]


SOAK = GatesOptions(soak_s=3600, looks=4)


def test_a_healthy_release_passes_after_its_soak_and_not_before() -> None:
    said = looks(healthy(100), {10: succeed(*CANARIES)}, SOAK)
    assert [(minute, look.verdict.name) for minute, look in said] == [
        (25, "WAIT"), (40, "WAIT"), (55, "WAIT"), (70, "PASS"),
    ]  # fmt: skip
    assert {one.behaviour for one in said[-1][1].seen} == set(NAMES)
    assert "passed at look 4 of 4" in said[-1][1].text


def test_the_soak_begins_with_the_least_number_of_canaries() -> None:
    said = looks(healthy(100), {10: succeed(0, 1, 2, 3), 20: succeed(4), 90: succeed(5, 6, 7)}, SOAK)
    assert [minute for minute, _ in said] == [35, 50, 65, 80]
    assert {one.canaries for one in said[-1][1].seen} == {5}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_worse_after_the_install_stops_at_the_next_look(name: str) -> None:
    sums, kind = healthy(100), behaviours()[name]
    after = np.maximum(np.arange(100) - 30, 0)[:, None]
    sums[:, NAMES.index(name), :8, 0] += after * 20.0 * kind.floor * (1.0 if kind.worse == "higher" else -1.0)
    said = looks(sums, {10: succeed(*CANARIES)}, SOAK)
    assert said[0][1].verdict == Verdict.WAIT
    minute, last = said[-1]
    assert (minute, last.verdict) == (40, Verdict.STOP)
    assert [one.behaviour for one in last.seen if one.worse] == [name]
    assert kind.title in last.text


def test_what_was_worse_before_the_install_is_not_held_against_it() -> None:
    sums = healthy(100)
    sums[:, :, :8, 0] += 100.0 * np.minimum(np.arange(100), 9)[:, None, None]
    assert looks(sums, {10: succeed(*CANARIES)}, SOAK)[-1][1].verdict == Verdict.PASS


def test_what_happens_while_installing_counts_only_where_a_behaviour_says_so() -> None:
    sums, floors = healthy(100), np.array([kind.floor for kind in behaviours().values()])
    sums[6:, :, :8, 0] += 1000.0 * floors[:, None]
    under_way = [(site, UpdateState.INSTALLING, Cause.NONE) for site in CANARIES]
    last = looks(sums, {6: under_way, 10: succeed(*CANARIES)}, SOAK)[-1][1]
    assert [one.behaviour for one in last.seen if one.worse] == ["soc_jumps"]


def test_installs_that_fail_stop_at_once() -> None:
    said = looks(healthy(40), {m: fail(Cause.BOOT_FAILED, m - 10) for m in range(10, 18)}, SOAK)
    minute, last = said[-1]
    assert (minute, last.verdict) == (13, Verdict.STOP)
    assert [one.behaviour for one in last.seen] == [OUTCOME]
    assert Cause.BOOT_FAILED.sentence in last.text


def test_a_failure_by_chance_stops_nothing() -> None:
    said = looks(healthy(100), {10: [*fail(Cause.BOOT_FAILED, 0), *succeed(*CANARIES[1:])]}, SOAK)
    assert said[-1][1].verdict == Verdict.PASS


def test_failures_of_lines_speak_not_against_a_release_but_leave_too_few() -> None:
    enough = looks(healthy(100), {10: [*fail(Cause.DOWNLOAD_FAILED, 0, 1, 2), *succeed(*CANARIES[3:])]}, SOAK)
    assert enough[-1][1].verdict == Verdict.PASS
    few = looks(healthy(100), {10: [*fail(Cause.DOWNLOAD_FAILED, 0, 1, 2, 3), *succeed(*CANARIES[4:])]}, SOAK)
    assert few[-1][1].verdict == Verdict.STOP
    assert "only 4 canaries are left" in few[-1][1].text


def test_a_difference_that_does_not_matter_stops_nothing() -> None:
    floors = np.array([kind.floor for kind in behaviours().values()])[:, None]
    signs = np.array([1.0 if kind.worse == "higher" else -1.0 for kind in behaviours().values()])[:, None]
    baseline = 10.0 * floors * np.ones((1, 16))
    for share, worse in ((0.9, False), (1.1, True)):
        for seen in compare(SOAK, baseline[:, :8] + share * signs * floors, baseline):
            assert seen.p_value <= seen.alpha
            assert seen.worse is worse
            assert ("does not matter" in seen.text) is not worse


def test_who_goes_back_to_the_old_release_is_no_canary_any_more() -> None:
    history, sums = History(), healthy(3)
    history.note(0, reports(0, sums[0], succeed(*CANARIES)))
    assert set(history.installed) == set(CANARIES)
    back = reports(1, sums[1], succeed(2))
    history.note(MINUTE_NS, replace(back, release=np.zeros(1, np.int64)))
    assert set(history.installed) == set(CANARIES) - {2}


def test_the_baseline_is_looked_at_over_the_windows_of_the_canaries() -> None:
    history, sums = History(), np.zeros((21, len(NAMES), 24, 2))
    sums[..., 0] = np.arange(21)[:, None, None] ** 2
    sums[..., 1] = np.arange(21)[:, None, None]
    for minute in range(21):
        history.note(minute * MINUTE_NS, reports(minute, sums[minute], succeed(minute) if minute < 3 else ()))
    canaries, baseline = history.groups([0, 1, 2], [10, 11, 12, 13])
    late = NAMES.index("restarts")
    assert canaries[late].tolist() == [20.0, 21.0, 22.0]  # (20 - s)(20 + s) / (20 - s)
    assert baseline[late].tolist() == [20.0, 21.0, 22.0, 20.0]


def test_who_has_only_just_installed_is_not_compared_yet() -> None:
    said = looks(healthy(100), {10: succeed(0, 1, 2, 3, 4, 5), 30: succeed(6, 7)}, SOAK)
    assert [{one.canaries for one in look.seen} for _, look in said] == [{6}, {6}, {8}, {8}]


def test_who_is_told_anew_counts_anew() -> None:
    again = [(site, UpdateState.PENDING, Cause.NONE) for site in (0, 1, 2, 3)]
    said = looks(healthy(120), {5: fail(Cause.DOWNLOAD_FAILED, 0, 1, 2, 3), 6: again, 30: succeed(*CANARIES)}, SOAK)
    assert (said[-1][0], said[-1][1].verdict) == (90, Verdict.PASS)


def test_the_last_word_is_said_once() -> None:
    said = looks(healthy(200), {10: succeed(*CANARIES)}, SOAK)
    assert [look.verdict for _, look in said].count(Verdict.PASS) == 1


def test_who_tells_nothing_is_not_compared() -> None:
    canaries, baseline = np.full((len(NAMES), 8), np.nan), np.ones((len(NAMES), 8))
    for seen in compare(SOAK, canaries, baseline):
        assert not seen.worse
        assert (seen.p_value, seen.canaries) == (1.0, 0)
        assert "nothing to compare" in seen.text


def recording(hours: float = 3.0, sites: int = 40, **told: Any) -> Recording:
    minutes = round(hours * 60)
    return Recording(np.arange(minutes) * MINUTE_NS, healthy(minutes, sites, **told))


def test_healthy_sites_are_hardly_ever_stopped() -> None:
    options = GatesOptions(soak_s=3600, behaviours=[GateOptions(behaviour=name, difference=0.0) for name in NAMES])
    found = resample(recording(), options, 8, 8, draws=60)
    assert found.stopped <= 3
    loose = options.model_copy(update={"alpha": 1.0 * (len(NAMES) + 1)})
    assert resample(recording(), loose, 8, 8, draws=20).stopped == 20
    assert resample(recording(), options, 8, 8, draws=60) == found


def test_a_recording_must_be_long_and_large_enough() -> None:
    with pytest.raises(ValueError, match="expected more"):
        resample(recording(1.0), SOAK, 8, 8)
    with pytest.raises(ValueError, match="40 sites"):
        resample(recording(), SOAK, 8, 40)
    with pytest.raises(ValueError, match="ends before"):
        replay(recording(0.5), Gate(SOAK, CANARIES, BASELINE), dict.fromkeys(CANARIES, 1))
