"""What goes wrong in an update: what is tried again and when, what is given back, and what is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tests.worlds.update_bench import IMAGE_BYTES, QUICK, STEADY, Behaviour, Bench, Job, S, said
from twin.ota.causes import Cause
from twin.ota.client.options import Wan
from twin.ota.client.ports import Offer
from twin.ota.client.wan import NEVER
from twin.ota.effects import Attack, StorageFull, WanLoss
from twin.ota.states import UpdateState

TO_INSTALL = ["PENDING", "WAITING", "DOWNLOADING", "INSTALLING"]
TO_SUCCESS = ["REBOOTING", "CHECKING", "SUCCESS"]


def _offering(bench: Bench, **change: object) -> Bench:
    bench.server.change = lambda offer, clock_ns, attacks: replace(offer, **change)  # type: ignore[arg-type]
    return bench


def _refusing_ecu(bench: Bench) -> Bench:
    images = bench.server.offers[1].images
    return _offering(bench, images=(images[0], replace(images[1], refused=Cause.IMAGE_REFUSED), images[2]))


def _failing_transfer(cause: Cause) -> Callable[[Bench], Bench]:
    def spoil(bench: Bench) -> Bench:
        bench.flash.outcome = lambda site, job: cause if job.ecu == 1 else Cause.NONE
        return bench

    return spoil


SPOILT: dict[str, tuple[Callable[[Bench], Bench], Cause, list[str]]] = {
    # what happens, the cause in the end, what each attempt consists of
    "metadata": (lambda b: _offering(b, metadata=Cause.METADATA_REFUSED), Cause.METADATA_REFUSED, []),
    "content": (lambda b: _offering(b, content=Cause.IMAGE_REFUSED), Cause.IMAGE_REFUSED, ["DOWNLOADING"]),
    "endless data": (lambda b: _offering(b, sent_bytes=10**12), Cause.IMAGE_REFUSED, ["DOWNLOADING"]),
    "slow retrieval": (lambda b: _offering(b, rate_bit_s=100.0), Cause.DOWNLOAD_FAILED, ["DOWNLOADING"]),
    "too large": (lambda b: _offering(b, download_bytes=2**40), Cause.STORAGE_FULL, ["DOWNLOADING"]),
    "refused": (_failing_transfer(Cause.TRANSFER_REFUSED), Cause.TRANSFER_REFUSED, ["INSTALLING"]),
    "no answer": (_failing_transfer(Cause.TRANSFER_TIMEOUT), Cause.TRANSFER_TIMEOUT, ["INSTALLING"]),
    "bus-off": (_failing_transfer(Cause.BUS_OFF), Cause.BUS_OFF, ["INSTALLING"]),
    "refused by the ECU": (_refusing_ecu, Cause.IMAGE_REFUSED, ["INSTALLING"]),
}


@pytest.mark.parametrize(("spoil", "cause", "attempt"), SPOILT.values(), ids=SPOILT.keys())
def test_three_attempts_and_the_old_versions_go_on(
    spoil: Callable[[Bench], Bench], cause: Cause, attempt: list[str]
) -> None:
    bench = spoil(Bench())
    bench.order(1)
    transitions = bench.run(400).clients.take_transitions()
    again = [*attempt, f"WAITING {cause.name}", *attempt, f"WAITING {cause.name}", *attempt]
    first = ["PENDING", *(TO_INSTALL[1 : TO_INSTALL.index(attempt[0])] if attempt else [])]
    assert said(transitions) == [*first, *again, f"FAILURE {cause.name}"]
    assert transitions.attempt.max() == 3
    assert bench.versions() == [[0, 0, 0]]
    assert (bench.clients.slots.booted == 0).all()
    assert bench.programs.boots == [], "nothing was started"


def test_what_goes_well_the_second_time() -> None:
    bench = _failing_transfer(Cause.TRANSFER_TIMEOUT)(Bench())
    bench.order(1)
    bench.run(20)
    bench.flash.outcome = lambda site, job: Cause.NONE
    transitions = bench.run(100).clients.take_transitions()
    assert said(transitions) == [*TO_INSTALL, "WAITING TRANSFER_TIMEOUT", "INSTALLING", *TO_SUCCESS]
    assert [transfer.ecu for transfer in bench.clients.take_transfers()] == [-1, 0, 1, 1, 2], "only what is missing"


def test_waits_grow_and_are_spread() -> None:
    bench = _offering(Bench(300, QUICK.model_copy(update={"attempts": 4})), metadata=Cause.METADATA_REFUSED)
    bench.order(1)
    bench.run(400)
    waits_s: list[list[float]] = [[], [], []]
    for site in range(300):
        asked_s = [time_ns / S for row, time_ns, _ in bench.server.asked if row == site]
        for number, (one, other) in enumerate(pairwise(asked_s)):
            waits_s[number].append(other - one)
    for least_s, spread_s in zip((30, 60, 120), waits_s, strict=True):
        assert len(spread_s) == 300
        assert least_s <= min(spread_s) < least_s * 1.02
        assert least_s * 1.48 < max(spread_s) <= least_s * 1.5


def test_a_site_waits_as_long_alone_as_in_the_fleet() -> None:
    asked = []
    for numbers in ([3], [1, 2, 3]):
        bench = _offering(Bench(len(numbers), numbers=numbers), metadata=Cause.METADATA_REFUSED)
        bench.order(1)
        bench.run(200)
        asked.append([time_ns for row, time_ns, _ in bench.server.asked if numbers[row] == 3])
    assert asked[0] == asked[1]
    assert len(asked[0]) == 3


def test_waits_have_a_longest() -> None:
    options = QUICK.model_copy(update={"attempts": 6, "backoff_most_s": 40.0, "jitter": 0.0})
    bench = _offering(Bench(options=options), metadata=Cause.METADATA_REFUSED)
    bench.order(1)
    bench.run(300)
    waits_ns = [other[1] - one[1] for one, other in pairwise(bench.server.asked)]
    assert waits_ns == [30 * S, 40 * S, 40 * S, 40 * S, 40 * S]


def test_a_new_order_after_a_failure_begins_anew() -> None:
    bench = _offering(Bench(), metadata=Cause.METADATA_REFUSED)
    bench.order(1)
    bench.run(200)
    bench.clients.take_transitions()
    bench.server.change = lambda offer, clock_ns, attacks: offer
    bench.order(1)
    transitions = bench.run(60).clients.take_transitions()
    assert said(transitions) == [*TO_INSTALL, *TO_SUCCESS]
    assert set(transitions.attempt) == {1}


# Downloads.


def test_a_download_that_takes_too_long_is_given_up_and_what_came_is_kept() -> None:
    slow = STEADY.model_copy(update={"bandwidth_bit_s": 8000.0, "latency_s": 0.0})
    bench = Bench(options=QUICK.model_copy(update={"download_limit_s": 12.0, "slow_s": 12.0, "jitter": 0.0}), wan=slow)
    bench.order(1)
    bench.run(150)
    downloads = [one for one in bench.clients.take_transfers() if one.ecu < 0]
    assert [(one.size_bytes, one.outcome) for one in downloads] == [
        (12_000, Cause.DOWNLOAD_FAILED),
        (8_000, Cause.NONE),
    ]
    assert bench.versions() == [[1, 1, 1]]


def test_refused_content_is_fetched_again() -> None:
    bench = _offering(Bench(), content=Cause.IMAGE_REFUSED)
    bench.order(1)
    bench.run(20)
    bench.server.change = lambda offer, clock_ns, attacks: offer
    bench.run(100)
    assert [one.size_bytes for one in bench.clients.take_transfers() if one.ecu < 0] == [IMAGE_BYTES] * 2


def test_storage_that_fills_up_meanwhile() -> None:
    bench = Bench(incidents=[StorageFull(7 * S, 30 * S, 0)])
    bench.order(1)
    transitions = bench.run(120).clients.take_transitions()
    assert said(transitions) == [
        *TO_INSTALL[:3],
        "WAITING STORAGE_FULL",
        "DOWNLOADING",
        "INSTALLING",
        *TO_SUCCESS,
    ]
    assert transitions.time_ns[3] == 7 * S
    first, second = (one.size_bytes for one in bench.clients.take_transfers() if one.ecu < 0)
    assert 0 < first < first + second == IMAGE_BYTES


def test_no_line_for_good() -> None:
    bench = Bench(options=QUICK.model_copy(update={"download_limit_s": 60.0}), incidents=[WanLoss(7 * S, NEVER, 0)])
    bench.order(1)
    transitions = bench.run(300).clients.take_transitions()
    assert said(transitions)[:4] == [*TO_INSTALL[:3], "WAITING DOWNLOAD_FAILED"]
    assert said(bench.clients.take_told()) == TO_INSTALL[:3], "nobody hears of it"


# Attacks on the line.


def test_an_attack_is_shown_to_the_verifier_while_it_is_on() -> None:
    attack = Attack(0, 20 * S, 0, "freeze")
    bench, seen = Bench(incidents=[attack]), list[Sequence[Attack]]()

    def change(offer: Offer, clock_ns: int, attacks: Sequence[Attack]) -> Offer:
        seen.append(attacks)
        return replace(offer, news=not attacks)

    bench.server.change = change
    bench.order(1)
    transitions = bench.run(80).clients.take_transitions()
    assert said(transitions) == [*TO_INSTALL, *TO_SUCCESS], "while it lasts the site hears of no order"
    assert transitions.time_ns[1] > 20 * S
    assert seen == [(attack,), (attack,), ()]


def test_no_news_at_a_retry() -> None:
    bench = _failing_transfer(Cause.TRANSFER_TIMEOUT)(Bench(wan=Wan(**STEADY.model_dump())))
    bench.order(1)
    bench.run(20)
    bench.flash.outcome = lambda site, job: Cause.NONE
    _offering(bench, news=False).run(100)
    assert said(bench.clients.take_transitions()) == [*TO_INSTALL, "WAITING TRANSFER_TIMEOUT"]
    bench.server.change = lambda offer, clock_ns, attacks: offer
    assert said(bench.run(60).clients.take_transitions()) == ["INSTALLING", *TO_SUCCESS]


# Versions that do not do.


def test_a_version_that_crashes_gets_its_attempts_and_all_go_back() -> None:
    bench = Bench()
    bench.programs.behaviour[1] = Behaviour(crashes_after_ns=S // 2)
    bench.order(1)
    transitions = bench.run(120).clients.take_transitions()
    assert said(transitions)[-1] == "FAILURE BOOT_FAILED"
    assert said(transitions)[:5] == [*TO_INSTALL, "REBOOTING"]
    assert bench.versions() == [[0, 0, 0]]
    versions = [version for _, _, ecu, version, _ in bench.programs.boots if ecu == 0]
    assert versions == [1, 1, 1, 0]
    assert bench.clients.slots.good[0, :, 0].all()
    assert not bench.clients.slots.good[0, :, 1].any()


def test_one_ecu_that_does_not_boot_takes_the_others_back() -> None:
    bench = Bench()
    bench.programs.behaviour[1] = Behaviour(crashes_after_ns=S // 2, crashes_on=(1,))
    bench.order(1)
    assert said(bench.run(120).clients.take_transitions())[-1] == "FAILURE BOOT_FAILED"
    assert bench.versions() == [[0, 0, 0]]
    assert [boot[3] for boot in bench.programs.boots if boot[2] == 1] == [1, 1, 1, 0], "its bootloader went back"
    assert [boot[3] for boot in bench.programs.boots if boot[2] == 2] == [1, 0], "the site took it back"


def test_one_bad_ecu_takes_the_others_back() -> None:
    bench = Bench()

    def only_second(site: int, ecu: int, since_ns: int) -> bool:
        return ecu != 1

    bench.programs.healthy = only_second  # type: ignore[method-assign]
    bench.order(1)
    transitions = bench.run(80).clients.take_transitions()
    expected = [*TO_INSTALL, "REBOOTING", "CHECKING", "REBOOTING HEALTH_CHECK_FAILED"]
    assert said(transitions) == [*expected, "FAILURE HEALTH_CHECK_FAILED"]
    assert bench.versions() == [[0, 0, 0]]
    assert [boot[2:] for boot in bench.programs.boots] == [
        (ecu, version, True) for version in (1, 0) for ecu in range(3)
    ]


def test_a_crash_in_the_check_starts_it_again() -> None:
    bench = Bench()
    bench.programs.behaviour[1] = Behaviour(crashes_after_ns=4 * S)
    bench.order(1)
    bench.run(28)
    assert said(bench.clients.take_transitions())[-1] == "CHECKING"
    bench.run(2)
    del bench.programs.behaviour[1]
    assert said(bench.run(30).clients.take_transitions())[-2:] == ["CHECKING", "SUCCESS"]
    assert bench.versions() == [[1, 1, 1]]


def test_a_version_that_crashes_later_is_started_again_and_again() -> None:
    bench = Bench()
    bench.programs.behaviour[1] = Behaviour(crashes_after_ns=40 * S)
    bench.order(1)
    bench.run(300)
    assert bench.clients.state[0] == UpdateState.SUCCESS
    versions = [version for _, _, ecu, version, _ in bench.programs.boots if ecu == 0]
    assert len(versions) > 5
    assert set(versions) == {1}


def test_a_rollback_gets_rid_of_it() -> None:
    bench = Bench()
    bench.programs.behaviour[1] = Behaviour(crashes_after_ns=40 * S)
    bench.order(1)
    bench.run(70)
    bench.order(0)
    bench.run(60)
    assert bench.versions() == [[0, 0, 0]]
    boots = len(bench.programs.boots)
    bench.run(100)
    assert len(bench.programs.boots) == boots


def test_what_a_torn_transfer_has_written_is_known() -> None:
    bench = Bench()
    written = list[int]()

    def half(site: int, job: Job) -> Cause:
        written.append(bench.flash.written_bytes(site))
        return Cause.BUS_OFF

    bench.flash.outcome = half
    bench.order(1)
    bench.run(30)
    slots = bench.clients.slots
    assert slots.written_bytes[0, 0, 1] == written[0]
    assert not slots.verified[0, 0, 1]
    assert np.array_equal(slots.version[0, :, 1], [1, -1, -1])
