"""Images over the bus: what ends a transfer and how, what is in a slot at any instant, and on what nothing depends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pydantic import ValidationError

from tests.worlds.site_transfers import MS, PACK, S, Transfers, image_of
from twin.errors import SimulationError
from twin.network.engines.registry import ENGINES
from twin.network.options import Bus
from twin.ota.causes import Cause
from twin.ota.client.ports import Installer
from twin.ota.distribution.distribution import Distribution, Ended
from twin.ota.distribution.flash import NOT_ERASED, Content
from twin.ota.distribution.options import FlashOptions

EACH_ENGINE = pytest.mark.parametrize("engine", ENGINES)
INVERTER = 3
NEVER_RECOVERS = Bus(recovery_s=None)
SLOW_FLASH = FlashOptions(write_s=0.001, check_s=0.01)
"""A block of 4093 bytes is 256 pages and takes 256 ms; to check 10 000 bytes takes 50 ms."""


def as_installer(distribution: Distribution) -> Installer:
    """Say to the type checker that a distribution is what update clients need."""
    return distribution


@EACH_ENGINE
def test_an_ecu_that_runs_gets_the_whole_image_into_its_other_slot(engine: str) -> None:
    transfers = Transfers(engine=engine)
    transfers.begin(PACK)
    assert transfers.distribution.busy.tolist() == [True]
    (ended,) = transfers.finish(5 * S)
    assert (ended.site, ended.ecu, ended.cause) == (0, PACK, Cause.NONE)
    content = transfers.distribution.content(0, PACK, 1)
    assert content == Content(transfers.image, 10_000, checked=True)
    assert content.complete
    assert transfers.distribution.content(0, PACK, 0) == transfers.distribution.content(0, 1, 1) == Content()
    assert transfers.distribution.busy.tolist() == [False]


def gone(transfers: Transfers) -> None:
    node = transfers.wires.node("Pack1")
    transfers.buses.connect(node, np.array([0]), np.array([300 * MS]), on=False)


def bus_off(name: str) -> Callable[[Transfers], None]:
    def happens(transfers: Transfers) -> None:
        transfers.buses.bus_off(transfers.wires.node(name), np.array([0]), np.array([300 * MS]))

    return happens


# (what the site is like, what happens to it at 300 ms, in the middle of a block, how the transfer ends, and why)
ENDS = {
    "good": (Transfers, None, Cause.NONE, ""),
    "the ECU finds the image bad": (
        lambda: Transfers(refused=frozenset({PACK})),
        None,
        Cause.TRANSFER_REFUSED,
        "ROUTINE_CONTROL: 71 01 ff 01 01",
    ),
    "larger than a slot": (
        lambda: Transfers(flash=FlashOptions(slot_bytes=8_192)),
        None,
        Cause.TRANSFER_REFUSED,
        "ROUTINE_CONTROL: REQUEST_OUT_OF_RANGE (0x31)",
    ),
    "a wire breaks": (Transfers, gone, Cause.TRANSFER_TIMEOUT, "TRANSFER_DATA: no answer"),
    "the gateway is bus-off for 0.1 s": (Transfers, bus_off("Gateway"), Cause.NONE, ""),
    "the ECU is bus-off for 0.1 s": (Transfers, bus_off("Pack1"), Cause.NONE, ""),
    "the gateway stays bus-off": (
        lambda: Transfers(bus=NEVER_RECOVERS),
        bus_off("Gateway"),
        Cause.BUS_OFF,
        "TRANSFER_DATA: no answer",
    ),
    "the ECU stays bus-off": (
        lambda: Transfers(bus=NEVER_RECOVERS),
        bus_off("Pack1"),
        Cause.BUS_OFF,
        "TRANSFER_DATA: no answer",
    ),
}


@pytest.mark.parametrize(("world", "happens", "cause", "why"), ENDS.values(), ids=ENDS)
def test_how_a_transfer_ends(
    world: Callable[[], Transfers], happens: Callable[[Transfers], None] | None, cause: Cause, why: str
) -> None:
    transfers = world()
    if happens is not None:
        happens(transfers)
    transfers.begin(PACK)
    (ended,) = transfers.finish(30 * S)
    assert isinstance(ended, Ended)
    assert (ended.cause, ended.why) == (cause, why)
    assert transfers.distribution.content(0, PACK, 1).complete == (cause is Cause.NONE or PACK in transfers.refused)


def test_an_image_does_not_reach_into_the_other_slot() -> None:
    transfers = Transfers(flash=FlashOptions(slot_bytes=8_192))
    transfers.begin(PACK, slot=0)
    (ended,) = transfers.finish(5 * S)
    assert ended.cause == Cause.TRANSFER_REFUSED
    assert transfers.distribution.content(0, PACK, 0) == transfers.distribution.content(0, PACK, 1) == Content()


def test_a_block_that_was_lost_is_not_written_twice() -> None:
    """What the ECU had of it when it went bus-off is gone; the block comes anew after N_As or N_Bs, 1 s."""
    undisturbed, disturbed = Transfers(), Transfers()
    bus_off("Pack1")(disturbed)
    ends_ns = []
    for transfers in (undisturbed, disturbed):
        transfers.begin(PACK)
        ends_ns.append(transfers.finish(9 * S)[0].time_ns)
        assert transfers.distribution.content(0, PACK, 1).written_bytes == 10_000
    assert 0.9 * S < ends_ns[1] - ends_ns[0] < 1.5 * S


def test_the_slot_fills_page_by_page() -> None:
    """-1 until the erase begins; a page counts once it is done, blocks lie apart by what the bus needs."""
    transfers = Transfers(flash=SLOW_FLASH)
    transfers.begin(PACK, time_ns=20 * MS)
    found = []
    for time_ns in range(10 * MS, 3 * S, 10 * MS):
        transfers.advance(time_ns)
        found.append(transfers.distribution.written_bytes(0))
    assert found[:5] == [NOT_ERASED] * 5
    assert sorted(found) == found
    assert found[-1] == 10_000
    steps = np.diff([written for written in found if written >= 0])
    assert set(steps[steps > 0]) <= {160, 4_093 % 160, 8_186 % 160, *range(16, 160)}
    assert np.count_nonzero(steps == 160) > 50


def test_a_slot_is_empty_from_the_instant_at_which_its_erase_begins() -> None:
    transfers = Transfers()
    transfers.begin(PACK)
    transfers.finish(5 * S)
    now_ns = int(transfers.distribution.reached_ns[0])
    transfers.begin(PACK, time_ns=now_ns)
    transfers.advance(now_ns + 20 * MS)
    assert transfers.distribution.content(0, PACK, 1).checked
    assert transfers.distribution.written_bytes(0) == NOT_ERASED
    transfers.advance(now_ns + 100 * MS)
    assert transfers.distribution.content(0, PACK, 1) == Content(transfers.image, 0)


POWER_FAILS_NS = {
    "before the erase": 40 * MS,
    "in the erase": 100 * MS,
    "in a block on its way": 300 * MS,
    "in a write": 450 * MS,
    "at an activation": 500 * MS,
    "in the check": 1_255 * MS,
}


@EACH_ENGINE
@pytest.mark.parametrize("off_ns", POWER_FAILS_NS.values(), ids=POWER_FAILS_NS)
def test_power_tears_what_is_under_way(engine: str, off_ns: int) -> None:
    """What was there just before is there afterwards; no end is told, and a new transfer does it all again."""
    before = Transfers(engine=engine, flash=SLOW_FLASH)
    before.begin(PACK)
    before.advance(off_ns)
    content = before.distribution.content(0, PACK, 1)

    transfers = Transfers(engine=engine, flash=SLOW_FLASH)
    transfers.begin(PACK)
    transfers.distribution.power_off(0, off_ns)
    assert not transfers.finish(3 * S, step_ns=off_ns + 1)
    assert transfers.distribution.content(0, PACK, 1) == content
    assert not content.checked
    now_ns = 4 * S
    transfers.advance(now_ns)
    transfers.distribution.power_on(0, now_ns)
    transfers.distribution.boot(0, PACK, now_ns, 300 * MS)
    transfers.begin(PACK, time_ns=now_ns + 400 * MS)
    (ended,) = transfers.finish(9 * S)
    assert ended.cause == Cause.NONE
    assert transfers.distribution.content(0, PACK, 1).complete


def test_the_instants_of_that_test_lie_where_it_says() -> None:
    transfers = Transfers(flash=SLOW_FLASH)
    transfers.begin(PACK)
    found = []
    for off_ns in POWER_FAILS_NS.values():
        transfers.advance(off_ns)
        found.append(transfers.distribution.written_bytes(0))
    assert found[:3] == [NOT_ERASED, 0, 0]
    assert 0 < found[3] < found[4] < 4_093
    assert found[5] == 10_000
    (ended,) = transfers.finish(1 * S, step_ns=10 * MS)
    assert 20 * MS < ended.time_ns - POWER_FAILS_NS["in the check"] < 50 * MS


def test_without_power_nobody_speaks() -> None:
    transfers = Transfers(modules=1)
    transfers.cycle("Module01_State", 10 * MS)
    transfers.cycle("Pack1_State", 10 * MS)
    transfers.distribution.power_off(0, 55 * MS)
    transfers.advance(100 * MS)
    before = transfers.frames()
    assert (before["Module01_State"], before["Pack1_State"]) == (6, 6)
    transfers.distribution.power_on(0, 100 * MS)
    transfers.advance(199 * MS)
    after = transfers.frames()
    assert (after["Module01_State"], after["Pack1_State"]) == (16, 16)


def test_an_ecu_that_boots_does_not_answer() -> None:
    transfers = Transfers()
    transfers.begin(PACK)
    transfers.finish(5 * S)
    now_ns = int(transfers.distribution.reached_ns[0])
    transfers.distribution.boot(0, PACK, now_ns, 5 * S)
    transfers.begin(PACK, time_ns=now_ns)
    (ended,) = transfers.finish(5 * S)
    assert isinstance(ended, Ended)
    assert ended.cause == Cause.TRANSFER_TIMEOUT
    assert ended.why == "DIAGNOSTIC_SESSION_CONTROL: no answer"


def test_what_is_cancelled_ends_without_a_word_and_can_begin_again() -> None:
    transfers = Transfers()
    transfers.begin(PACK)
    transfers.advance(333 * MS)
    transfers.distribution.cancel(0)
    assert not transfers.distribution.busy.any()
    transfers.begin(PACK, time_ns=340 * MS)
    (ended,) = transfers.finish(5 * S)
    assert ended.cause == Cause.NONE
    assert transfers.distribution.content(0, PACK, 1).complete


def test_ecus_and_sites_do_not_act_on_each_other() -> None:
    """A site alone, or as one of three that are at it at other instants, behaves the same; so does a tick in pieces."""

    def run(sites: int, row: int, step_ns: int) -> object:
        transfers = Transfers(sites=sites, keys=[7] if sites == 1 else [5, 6, 7])
        transfers.cycle("Pack1_State", 700_000)
        for site in range(sites):
            late_ns = 1_234_567 * (2 - site) if sites > 1 else 0
            transfers.begin(PACK, 2, sites=[site], time_ns=late_ns)
        ends = [(one.time_ns, one.ecu, one.cause) for one in transfers.finish(20 * S, step_ns) if one.site == row]
        transfers.advance(20 * S)
        return ends, transfers.buses.statistics.latency_histogram[row].tolist()

    alone = run(1, 0, S)
    assert alone == run(3, 2, S) == run(1, 0, 7_654_321) == run(3, 2, 50_000_001)


def test_ecus_of_a_site_share_its_bus_by_priority() -> None:
    transfers = Transfers(modules=2, image=image_of(20_000), flash=FlashOptions(stmin_s=0.0005))
    transfers.begin(PACK, 1, 2)
    ended = transfers.finish(60 * S)
    assert {one.cause for one in ended} == {Cause.NONE}
    assert [one.ecu for one in ended] == [PACK, 1, 2]


def test_behind_a_gateway_an_ecu_is_reached_on_its_own_segment() -> None:
    """The gateway stands on it, too: nothing is passed on, and the transfers do not share a bus."""
    second = {"name": "second", "nodes": ["Module02"], "gateway": "Pack1"}
    transfers = Transfers(bus=Bus.model_validate({"segments": [second]}))
    network = transfers.wires.network
    channel = network.channels[transfers.wires.channels["Module02"]]
    assert [network.segment_of(message) for message in (channel.request, channel.response)] == [1, 1]
    assert not {channel.request, channel.response} & {route.message for route in network.routes}
    transfers.begin(1, 2)
    times_ns = {one.ecu: one.time_ns for one in transfers.finish(9 * S)}
    assert abs(times_ns[1] - times_ns[2]) <= 20 * MS  # identifiers differ, and so do stuff bits


def test_an_ecu_without_a_channel_cannot_be_updated() -> None:
    with pytest.raises(SimulationError, match="Inverter cannot be updated: it has no channel to Gateway"):
        Transfers().begin(INVERTER)


@pytest.mark.parametrize("stmin_s", [0.00005, 0.0015, 0.2])
def test_only_what_a_flow_control_can_state_is_an_stmin(stmin_s: float) -> None:
    with pytest.raises(ValidationError, match="stmin_s"):
        FlashOptions(stmin_s=stmin_s)


def test_a_transfer_costs_few_looks_at_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    """On an idle bus 4 a block: it might have come, it has, its answer is due, that has come; some more under load."""
    looks = {}
    for period_ns in (0, 500_000):
        transfers = Transfers(image=image_of(65 * 4_093))
        if period_ns:
            transfers.cycle("Pack1_State", period_ns)
        advance, count = transfers.buses._advance, [0]

        def counted(until_ns: object, advance: object = advance, count: list[int] = count) -> None:
            count[0] += 1
            advance(until_ns)  # type: ignore[operator]

        monkeypatch.setattr(transfers.buses, "_advance", counted)
        transfers.begin(PACK)
        transfers.finish(100 * S, step_ns=100 * S)
        looks[period_ns] = count[0]
    assert looks[0] < 4.5 * 65
    assert looks[500_000] < 8 * 65
