"""Power losses at a thousand instants of whole updates: no ECU is bricked, no site keeps a mixture of versions."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.worlds.update_bench import IMAGE_BYTES, QUICK, Behaviour, Bench, S, said, verifies
from twin.ota.causes import Cause
from twin.ota.client.journal import Transitions
from twin.ota.effects import PowerLoss
from twin.ota.states import FINAL, UpdateState

SITES = 500


def _undisturbed() -> Transitions:
    """Return what sites go through without a loss."""
    bench = Bench(SITES)
    bench.order(1)
    return bench.run(60).clients.take_transitions()


def _anywhere(draws: np.random.Generator, times_s: np.ndarray) -> float:
    return float(draws.uniform(times_s[0], times_s[-1]))


def _at_a_change(draws: np.random.Generator, times_s: np.ndarray) -> float:
    """Return an instant just beside a change of state: boot flags are written there for 0.3 s."""
    return max(float(draws.choice(times_s) + draws.uniform(-0.35, 0.35)), 0.0)


@pytest.mark.parametrize("where", [_anywhere, _at_a_change], ids=["anywhere", "at a change of state"])
def test_nothing_is_bricked_and_nothing_mixed(where: object) -> None:
    transitions, draws = _undisturbed(), np.random.default_rng(7)
    losses = []
    for site in range(SITES):
        at_s = where(draws, transitions.time_ns[transitions.site == site] / S)  # type: ignore[operator]
        begin_ns = round(at_s * S)
        losses.append(PowerLoss(begin_ns, begin_ns + round(draws.exponential(20.0) * S) + 1, site))
    bench = Bench(SITES, incidents=losses)
    bench.order(1)
    bench.run(400)
    assert all(state in FINAL for state in bench.clients.state)
    versions = bench.versions()
    assert all(len(set(of_site)) == 1 and of_site[0] >= 0 for of_site in versions)
    assert Counter(of_site[0] for of_site in versions) == {1: SITES}, "one loss costs no attempt too many"
    _judge(bench)
    causes = bench.clients.take_transitions().cause
    assert (causes == Cause.POWER_LOST).sum() > SITES / 2
    torn = [one for one in bench.clients.take_transfers() if one.outcome == Cause.POWER_LOST and one.ecu >= 0]
    assert any(0 < one.size_bytes < IMAGE_BYTES for one in torn) or where is _at_a_change


def test_losses_upon_losses_end_on_one_version_too() -> None:
    draws, losses = np.random.default_rng(8), []
    for site in range(200):
        begins_s = np.cumsum(draws.exponential(4.0, 30)) + 6.0
        losses += [PowerLoss(round(at_s * S), round((at_s + 0.3) * S), site) for at_s in begins_s]
    bench = Bench(200, incidents=losses)
    bench.order(1)
    bench.run(700)
    assert all(state in FINAL for state in bench.clients.state)
    ended = Counter(tuple(of_site) for of_site in bench.versions())
    assert set(ended) == {(0, 0, 0), (1, 1, 1)}, "some ran out of boot attempts, and went back as a whole"
    _judge(bench)


def test_a_version_that_crashes_is_given_back_whenever_the_power_goes() -> None:
    draws = np.random.default_rng(9)
    begins_ns = [round(at_s * S) for at_s in draws.uniform(20.0, 60.0, 200)]
    bench = Bench(200, incidents=[PowerLoss(at_ns, at_ns + 5 * S, site) for site, at_ns in enumerate(begins_ns)])
    bench.programs.behaviour[1] = Behaviour(crashes_after_ns=S)
    bench.order(1)
    bench.run(300)
    assert {tuple(of_site) for of_site in bench.versions()} == {(0, 0, 0)}
    assert (bench.clients.state == UpdateState.FAILURE).all()
    _judge(bench)


@pytest.mark.parametrize("written", range(4))
def test_a_loss_between_the_boot_flags_of_two_ecus(written: int) -> None:
    """They are written from 22.5 s on, in 0.1 s each; the power is back at 26 s, and the rest written at 28 s."""
    at_ns = 22_500_000_000 + (written * 10 + 5) * S // 100
    bench = Bench(1, incidents=[PowerLoss(at_ns, 26 * S, 0)])
    bench.order(1)
    boots = bench.run(60).programs.boots
    assert [version for _, _, _, version, _ in boots[:3]] == [1] * written + [0] * (3 - written)
    assert [ecu for _, _, ecu, _, _ in boots[3:]] == list(range(written, 3)), "only the rest"
    assert bench.versions() == [[1, 1, 1]]


FLICKERS = {
    "twice in a tick": ((31, 32), (33.5, 34.5)),
    "back for a moment": ((31, 32), (33.5, 48)),
    "back in the next tick": ((31, 36), (37, 38)),
    "three times": ((31, 32), (32.5, 33), (33.5, 36)),
}


@pytest.mark.parametrize("spans_s", FLICKERS.values(), ids=FLICKERS.keys())
def test_power_that_flickers_within_a_tick_boots_nothing_in_between(spans_s: tuple[tuple[float, float], ...]) -> None:
    losses = [PowerLoss(round(begin_s * S), round(end_s * S), 0) for begin_s, end_s in spans_s]
    bench = Bench(1, incidents=losses, step_ns=5 * S)
    bench.run(70)
    back_ns = -(-losses[-1].end_ns // (5 * S)) * 5 * S
    assert {boot[0] for boot in bench.programs.boots} == {back_ns}
    assert bench.versions() == [[0, 0, 0]]


def _judge(bench: Bench) -> None:
    """Hold every ECU's slots to the bytes that its flash really has."""
    slots = bench.clients.slots
    for site, ecus in enumerate(bench.flash.content):
        for ecu, contents in enumerate(ecus):
            running = slots.booted[site, ecu]
            assert slots.good[site, ecu, running]
            assert verifies(contents[running])
            for slot, content in enumerate(contents):
                if slots.verified[site, ecu, slot]:
                    assert content == bench.flash.images[int(slots.version[site, ecu, slot])]
                elif slots.version[site, ecu, slot] >= 0:
                    assert slots.written_bytes[site, ecu, slot] <= len(content)


@pytest.mark.parametrize("step_ns", [S, 5 * S], ids=["1 s", "5 s"])
def test_states_through_a_loss_in_each_phase(step_ns: int) -> None:
    """The phases begin at 0, 5.9 (download), 8 (install), 22.5 (boot), 25 (check) and 35.3 s (done)."""
    found = {}
    for phase, at_s in {"download": 7.0, "install": 15.3, "check": 30.0}.items():
        bench = Bench(1, QUICK, incidents=[PowerLoss(round(at_s * S), round((at_s + 3) * S), 0)], step_ns=step_ns)
        bench.order(1)
        found[phase] = said(bench.run(120).clients.take_transitions())
    to_install = ["PENDING", "WAITING", "DOWNLOADING"]
    to_success = ["REBOOTING", "CHECKING", "SUCCESS"]
    assert found["download"] == [*to_install, "WAITING POWER_LOST", "DOWNLOADING", "INSTALLING", *to_success]
    assert found["install"] == [*to_install, "INSTALLING", "WAITING POWER_LOST", "INSTALLING", *to_success]
    if step_ns == S:
        begun = [*to_install, "INSTALLING", "REBOOTING", "CHECKING"]
        assert found["check"] == [*begun, "CHECKING POWER_LOST", "REBOOTING POWER_LOST", "CHECKING", "SUCCESS"]
