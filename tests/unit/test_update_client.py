"""What sites do about their orders: when they ask, what they wait for, what they download, write, start and keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from tests.worlds.update_bench import IMAGE_BYTES, QUICK, STEADY, Bench, S, said
from twin.ota.causes import Cause
from twin.ota.client.options import ClientOptions, Conditions, Wan
from twin.ota.client.wan import NEVER
from twin.ota.effects import ClockWrong, WanLoss
from twin.ota.messages import Orders
from twin.ota.states import UpdateState

WHOLE = ["PENDING", "WAITING", "DOWNLOADING", "INSTALLING", "REBOOTING", "CHECKING", "SUCCESS"]
POLL_S = 5.894459133
"""When the bench's first site first asks."""


def _times_s(bench: Bench) -> dict[str, float]:
    transitions = bench.clients.take_transitions()
    return {
        UpdateState(state).name: time_ns / S
        for state, time_ns in zip(transitions.state, transitions.time_ns, strict=True)
    }


def test_a_whole_update_at_its_own_instants() -> None:
    """Latency 0.1 s and 2 s for 20,000 bytes; each ECU 4.5 s from the next tick on; 3 x 0.1 s of flags each time."""
    bench = Bench()
    bench.order(1)
    times_s = _times_s(bench.run(60))
    assert list(times_s) == WHOLE
    assert times_s["DOWNLOADING"] == pytest.approx(POLL_S, abs=1e-9)
    assert times_s["INSTALLING"] == pytest.approx(POLL_S + 2.1, abs=1e-9)
    assert times_s["REBOOTING"] == 8 + 5 + 5 + 4.5
    assert times_s["CHECKING"] == 23 + 2
    assert times_s["SUCCESS"] == 25 + 10 + 0.3
    assert bench.versions() == [[1, 1, 1]]
    assert bench.clients.slots.good.all()


def test_boots_migrate_where_another_version_takes_over() -> None:
    bench = Bench()
    bench.order(1)
    bench.run(60)
    assert [boot[2:] for boot in bench.programs.boots] == [(ecu, 1, True) for ecu in range(3)]
    assert bench.clients.restarts.tolist() == [3]
    assert [(boot.ecu, boot.version) for boot in bench.clients.take_boots()] == [(0, 1), (1, 1), (2, 1)]


def test_transfers_are_told() -> None:
    bench = Bench()
    bench.order(1)
    transfers = bench.run(60).clients.take_transfers()
    assert [transfer.ecu for transfer in transfers] == [-1, 0, 1, 2]
    assert {(transfer.size_bytes, transfer.outcome) for transfer in transfers} == {(IMAGE_BYTES, Cause.NONE)}
    assert [transfer.end_ns - transfer.begin_ns for transfer in transfers[1:]] == [4.5 * S] * 3


def test_a_coarser_tick_moves_only_what_begins_at_its_end() -> None:
    bench = Bench(step_ns=5 * S)
    bench.order(1)
    times_s = _times_s(bench.run(80))
    assert times_s["INSTALLING"] == pytest.approx(POLL_S + 2.1, abs=1e-9)
    assert times_s["REBOOTING"] == 10 + 5 + 5 + 4.5
    assert times_s["CHECKING"] == 25 + 2
    assert times_s["SUCCESS"] == 27 + 10 + 0.3


def test_each_site_asks_at_a_phase_of_its_own() -> None:
    fleet = Bench(200)
    fleet.order(1)
    fleet.run(10)
    asked_s = {site: time_ns / S for site, time_ns, _ in fleet.server.asked}
    assert len(asked_s) == 200
    assert np.quantile(list(asked_s.values()), [0.1, 0.5, 0.9]) == pytest.approx([1, 5, 9], abs=1)
    alone = Bench(numbers=[137])
    alone.order(1)
    alone.run(10)
    assert alone.server.asked[0][1] / S == asked_s[137]


def test_sites_without_an_order_speak_to_the_server_all_the_same() -> None:
    bench = Bench(50, incidents=[WanLoss(0, NEVER, 7)])
    bench.run(25)
    heard = bench.clients.contact_ns
    assert heard[7] == -1
    assert ((np.delete(heard, 7) >= 15 * S) & (np.delete(heard, 7) < 25 * S)).all()
    assert bench.clients.take_transitions().time_ns.size == 0


def test_the_old_version_is_in_the_other_slot() -> None:
    bench = Bench()
    bench.order(1)
    bench.run(60)
    bench.clients.take_transfers()
    bench.clients.take_transitions()
    bench.order(0)
    assert said(bench.run(40).clients.take_transitions()) == ["PENDING", "WAITING", "REBOOTING", "CHECKING", "SUCCESS"]
    assert bench.versions() == [[0, 0, 0]]
    assert bench.clients.take_transfers() == []


def test_a_version_that_no_slot_has_is_downloaded_again() -> None:
    bench = Bench()
    for release, seconds in ((1, 60), (2, 60)):
        bench.order(release)
        bench.run(seconds)
    bench.clients.take_transitions()
    bench.order(0)
    assert said(bench.run(60).clients.take_transitions()) == WHOLE
    assert bench.versions() == [[0, 0, 0]]


def test_what_runs_already_is_a_success_at_once() -> None:
    bench = Bench()
    bench.order(0)
    assert said(bench.run(10).clients.take_transitions()) == ["PENDING", "WAITING", "SUCCESS"]


def test_only_ecus_of_the_release_change() -> None:
    bench = Bench()
    offer = bench.server.offers[1]
    bench.server.offers[1] = replace(offer, images=(offer.images[2], offer.images[0]))
    bench.order(1)
    bench.run(60)
    assert bench.versions() == [[1, 0, 1]]
    assert [transfer.ecu for transfer in bench.clients.take_transfers()] == [-1, 2, 0], "in the order of the offer"


# What is in the way.

CONDITIONS = {
    "soc too low": ("soc", 0.05, Conditions()),
    "soc too high": ("soc", 0.95, Conditions(soc_max=0.9)),
    "soc not known": ("soc", np.nan, Conditions()),
    "discharging": ("current_A", 40.0, Conditions(current_A=30)),
    "charging": ("current_A", -40.0, Conditions(current_A=30)),
    "cold": ("temperature_low_K", 260.0, Conditions()),
    "hot": ("temperature_high_K", 330.0, Conditions()),
    "contactors not open": ("contactors_closed", True, Conditions(contactors="open")),
    "contactors not closed": ("contactors_closed", False, Conditions(contactors="closed")),
    "no mains": ("mains", False, Conditions()),
}


@pytest.mark.parametrize(("name", "value", "conditions"), CONDITIONS.values(), ids=CONDITIONS.keys())
def test_a_site_waits_for_its_conditions(name: str, value: float, conditions: Conditions) -> None:
    bench = Bench(options=QUICK.model_copy(update={"conditions": conditions}))
    values = getattr(bench.view, name)
    good = not value if values.dtype == bool else values[0]
    values[0] = value
    bench.order(1)
    assert said(bench.run(30).clients.take_transitions()) == WHOLE[:2]
    values[0] = good
    assert said(bench.run(50).clients.take_transitions()) == WHOLE[2:]


IRRELEVANT = {
    "any current": ("current_A", 200.0),
    "any contactors": ("contactors_closed", False),
}


@pytest.mark.parametrize(("name", "value"), IRRELEVANT.values(), ids=IRRELEVANT.keys())
def test_what_is_not_asked_for_is_not_waited_for(name: str, value: float) -> None:
    bench = Bench()
    getattr(bench.view, name)[0] = value
    bench.order(1)
    assert said(bench.run(60).clients.take_transitions()) == WHOLE


def test_conditions_are_looked_at_again_before_writing_and_before_starting() -> None:
    bench = Bench()
    bench.order(1)
    bench.run(7)
    bench.view.mains[0] = False
    bench.run(10)
    bench.view.mains[0] = True
    bench.run(8)
    bench.view.mains[0] = False
    bench.run(10)
    bench.view.mains[0] = True
    bench.run(60)
    wait = "WAITING CONDITIONS_UNMET"
    expected = [*WHOLE[:3], wait, "INSTALLING", wait, "INSTALLING", *WHOLE[4:]]
    assert said(bench.clients.take_transitions()) == expected
    assert [transfer.ecu for transfer in bench.clients.take_transfers()] == [-1, 0, 1, 2], "nothing twice"


def test_patience_ends() -> None:
    bench = Bench(options=QUICK.model_copy(update={"patience_s": 47.0}))
    bench.view.soc[0] = 0.0
    bench.order(1)
    bench.run(60)
    transitions = bench.clients.take_transitions()
    assert said(transitions) == ["PENDING", "WAITING", "FAILURE CONDITIONS_UNMET"]
    assert transitions.time_ns[-1] - transitions.time_ns[-2] == 47 * S


class Opens:
    def __init__(self, opens_s: float) -> None:
        self.opens = round(opens_s * S)

    def opens_ns(self, site: int, clock_ns: int) -> int:
        return max(self.opens, clock_ns)


def test_a_site_waits_for_its_window() -> None:
    bench = Bench(window=Opens(30.25))
    bench.order(1)
    assert _times_s(bench.run(90))["DOWNLOADING"] == 30.25


def test_the_window_opens_by_the_sites_own_clock() -> None:
    bench = Bench(window=Opens(30.25), incidents=[ClockWrong(0, NEVER, 0, 20 * S)])
    bench.order(1)
    assert _times_s(bench.run(90))["DOWNLOADING"] == 10.25
    assert bench.server.asked[0][2] - bench.server.asked[0][1] == 20 * S


def test_a_window_that_never_opens() -> None:
    class Shut:
        def opens_ns(self, site: int, clock_ns: int) -> int:
            return NEVER

    bench = Bench(options=QUICK.model_copy(update={"patience_s": 30.0}), window=Shut())
    bench.order(1)
    assert said(bench.run(60).clients.take_transitions()) == ["PENDING", "WAITING", "FAILURE WINDOW_CLOSED"]


# Orders that change; the site asks at 5.9, 15.9, 25.9 s ...

SLOW = STEADY.model_copy(update={"bandwidth_bit_s": 10_000})
"""A bundle takes 16.1 s."""
CANCELLED = {
    "pending": (STEADY, 2, WHOLE[:1], 5),
    "downloading": (SLOW, 7, WHOLE[:3], 15),
    "installing": (STEADY, 7, WHOLE[:4], 15),
}


@pytest.mark.parametrize(("wan", "at_s", "before", "heard_s"), CANCELLED.values(), ids=CANCELLED.keys())
def test_a_cancelled_update_is_aborted(wan: Wan, at_s: int, before: list[str], heard_s: int) -> None:
    bench = Bench(wan=wan)
    bench.order(1)
    bench.run(at_s)
    bench.order(-1)
    transitions = bench.run(40).clients.take_transitions()
    assert said(transitions) == [*before, "ABORTED CANCELLED"]
    assert transitions.time_ns[-1] // S == heard_s
    assert bench.versions() == [[0, 0, 0]]
    assert not bench.flash.jobs


def test_a_new_version_that_runs_on_trial_is_past_cancelling() -> None:
    bench = Bench()
    bench.order(1)
    bench.run(20)
    bench.order(-1)
    assert said(bench.run(40).clients.take_transitions()) == WHOLE
    bench.order(-1)
    assert said(bench.run(20).clients.take_transitions()) == [], "there is nothing to cancel"


def test_an_order_for_another_release_takes_the_place_of_the_first() -> None:
    bench = Bench()
    bench.order(1)
    bench.run(12)
    bench.order(2)
    transitions = bench.run(60).clients.take_transitions()
    assert said(transitions) == [*WHOLE[:4], "ABORTED CANCELLED", *WHOLE[1:]]
    assert transitions.release.tolist() == [1] * 5 + [2] * 6
    assert bench.versions() == [[2, 2, 2]]


def test_an_order_that_comes_on_trial_is_obeyed_afterwards() -> None:
    bench = Bench()
    bench.order(1)
    bench.run(24)
    bench.order(0)
    transitions = bench.run(60).clients.take_transitions()
    assert said(transitions) == [*WHOLE, "WAITING", "REBOOTING", "CHECKING", "SUCCESS"]
    assert bench.versions() == [[0, 0, 0]]


def test_the_same_order_twice_is_one() -> None:
    bench = Bench()
    for at_s in (0, 7, 17):
        bench.run(at_s - bench.time_ns // S)
        bench.order(1)
    assert said(bench.run(60).clients.take_transitions()) == WHOLE


def test_orders_for_sites_of_others_are_passed_over() -> None:
    bench = Bench(numbers=[4, 9], sites=2)
    bench.clients.order(Orders(np.array([3, 9, 10]), np.array([1, 1, 1])), 0)
    assert bench.run(60).versions() == [[0, 0, 0], [1, 1, 1]]


# What the server hears, and when.


def test_what_happens_in_an_outage_is_told_afterwards() -> None:
    bench = Bench(incidents=[WanLoss(10 * S, 42 * S, 0)])
    bench.order(1)
    assert said(bench.clients.take_told()) == WHOLE[:1], "the server itself knows"
    assert said(bench.run(40).clients.take_told()) == WHOLE[1:4]
    assert said(bench.clients.take_transitions()) == WHOLE
    assert bench.clients.contact_ns[0] < 10 * S
    told = bench.run(10).clients.take_told()
    assert said(told) == WHOLE[4:]
    assert told.time_ns[0] < 42 * S < bench.clients.contact_ns[0]


def test_an_order_is_not_heard_in_an_outage() -> None:
    bench = Bench(incidents=[WanLoss(0, 20 * S, 0)])
    bench.order(1)
    assert _times_s(bench.run(60))["WAITING"] == pytest.approx(POLL_S + 20, abs=1e-6)


def test_a_download_goes_on_after_an_outage() -> None:
    """From 5.9 s on 1.1 s of outage in between, and the latency again."""
    bench = Bench(incidents=[WanLoss(7 * S, round(8.1 * S), 0)])
    bench.order(1)
    assert _times_s(bench.run(60))["INSTALLING"] == pytest.approx(POLL_S + 2.1 + 1.1 + 0.1, abs=1e-6)


def test_who_wants_short_ticks() -> None:
    bench = Bench(3, numbers=[0, 1, 2])
    assert not bench.clients.wants_short(60 * S).any()
    bench.clients.order(Orders(np.array([1]), np.array([1])), 0)
    assert bench.clients.wants_short(60 * S).tolist() == [False, True, False], "it learns something"
    assert not bench.clients.wants_short(1).any(), "not so soon"
    bench.run(12)
    assert bench.clients.wants_short(12 * S + 1).tolist() == [False, True, False], "it is at work"
    bench.run(40)
    assert not bench.clients.wants_short(10**6 * S).any()


def test_a_site_that_waits_for_its_conditions_does_so_in_long_ticks() -> None:
    bench = Bench()
    bench.view.soc[0] = 0
    bench.order(1)
    bench.run(20)
    assert not bench.clients.wants_short(80 * S).any()


def test_rows_that_a_tick_does_not_serve_are_left_alone() -> None:
    bench = Bench(2)
    bench.order(1)
    bench.clients.step(20 * S, np.array([1]), bench.view)
    assert set(bench.clients.take_transitions().site[2:]) == {1}
    bench.clients.step(20 * S, np.array([0]), bench.view)
    assert set(bench.clients.take_transitions().site) == {0}


MISTAKES: dict[str, tuple[Callable[[], object], str]] = {
    "soc": (lambda: Conditions(soc_min=0.8, soc_max=0.3), "soc_min 0.8; expected less than soc_max, 0.3"),
    "temperatures": (
        lambda: Conditions(temperature_min_K=300, temperature_max_K=280),
        "temperature_min_K 300; expected less than temperature_max_K, 280",
    ),
    "backoff": (lambda: ClientOptions(backoff_s=100, backoff_most_s=10), "backoff_most_s 10; expected backoff_s, 100"),
    "looks": (lambda: ClientOptions(look_s=100, patience_s=10), "look_s 100; expected patience_s, 10"),
    "slow": (lambda: ClientOptions(slow_s=100, download_limit_s=10), "slow_s 100; expected download_limit_s, 10"),
    "no attempts": (lambda: ClientOptions(boot_attempts=0), "greater than or equal to 1"),
    "no bandwidth": (lambda: Wan(bandwidth_bit_s=0), "greater than 0"),
    "another unit": (lambda: Wan.model_validate({"bandwidth_bit_s": "3 V"}), "wrong unit"),
}


@pytest.mark.parametrize(("make", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes_in_the_options(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make()


def test_two_mistakes_are_both_named() -> None:
    with pytest.raises(ValidationError) as wrong:
        ClientOptions(look_s=100, patience_s=10, slow_s=100, download_limit_s=10)
    assert "patience_s" in str(wrong.value)
    assert "download_limit_s" in str(wrong.value)
