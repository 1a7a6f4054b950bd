"""The bus: worked examples with times by hand, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from twin.errors import InputError, SimulationError
from twin.network.bus import NEVER_SEEN, BusEngine, priority_order
from twin.network.codec import MessageLayout
from twin.network.engines import ENGINES
from twin.network.frames import frame_bits
from twin.network.statistics import LATENCY_BINS, LATENCY_EDGES_NS, latency_bin

BIT_NS = 2_000  # 500 kbit/s
HIGH, LOW = 0, 1
MESSAGES = [MessageLayout("High", 0x100, 2), MessageLayout("Low", 0x200, 8)]
EACH_ENGINE = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


def one_bus(engine: type[BusEngine], **options: list[int]) -> BusEngine:
    return engine(MESSAGES, 1, 500_000, **options)


def send(buses: BusEngine, message: int, time_ns: int, payload: bytes | None = None, bits: int | None = 100) -> None:
    data = np.frombuffer(payload or bytes(MESSAGES[message].length), np.uint8)[None]
    buses.send(message, np.array([0]), np.array([time_ns]), data, bits=bits)


@EACH_ENGINE
def test_a_frame_takes_its_exact_bits_and_is_seen_three_bits_before_its_finish(engine: type[BusEngine]) -> None:
    buses, payload = one_bus(engine, logged=[0]), b"\x00\xff\x0f\x00\x00\x00\x00\x01"
    send(buses, LOW, 5_000, payload, bits=None)
    bits = frame_bits(0x200, payload).nominal_bits
    seen_ns = 5_000 + (bits - 3) * BIT_NS
    buses.advance(np.array([seen_ns - 1]))
    assert buses.mailbox_time_ns[0, LOW] == NEVER_SEEN
    buses.advance(np.array([seen_ns]))
    assert buses.mailbox_time_ns[0, LOW] == seen_ns
    assert buses.mailbox_payload[0, LOW].tobytes() == payload
    log = buses.take_log(0)
    assert (log.identifier[0], log.release_ns[0], log.start_ns[0]) == (0x200, 5_000, 5_000)
    assert log.finish_ns[0] == 5_000 + bits * BIT_NS
    assert buses.statistics.busy_ns[0] == bits * BIT_NS
    assert len(buses.take_log(0).message) == 0


@EACH_ENGINE
def test_short_payloads_are_padded_in_the_mailbox(engine: type[BusEngine]) -> None:
    buses = one_bus(engine)
    send(buses, HIGH, 0, b"\x12\x34")
    buses.advance(np.array([1_000_000]))
    assert buses.mailbox_payload[0, HIGH].tolist() == [0x12, 0x34, 0, 0, 0, 0, 0, 0]


@EACH_ENGINE
def test_a_frame_sent_at_the_instant_that_the_bus_has_reached_takes_part_in_its_arbitration(
    engine: type[BusEngine],
) -> None:
    """Both are queued when the first frame's interframe space ends, at 200 us; the one sent last wins."""
    buses, idle_ns = one_bus(engine, logged=[0]), 100 * BIT_NS
    send(buses, HIGH, 0)
    send(buses, LOW, 50_000)
    buses.advance(np.array([idle_ns]))
    send(buses, HIGH, idle_ns)
    buses.advance(np.array([10 * idle_ns]))
    log = buses.take_log(0)
    assert log.message.tolist() == [HIGH, HIGH, LOW]
    assert log.start_ns.tolist() == [0, idle_ns, 2 * idle_ns]


@EACH_ENGINE
def test_a_newer_instance_replaces_one_that_waits_but_not_one_on_the_wire(engine: type[BusEngine]) -> None:
    buses = one_bus(engine, logged=[0])
    for time_ns, content in ((0, b"a1"), (10_000, b"b2"), (20_000, b"c3")):
        send(buses, HIGH, time_ns, content)
    buses.advance(np.array([1_000_000]))
    assert [row[:2].tobytes() for row in buses.take_log(0).payload] == [b"a1", b"c3"]
    assert buses.statistics.overwritten[0].tolist() == [1, 0]
    assert buses.statistics.frames[0].tolist() == [2, 0]


@EACH_ENGINE
def test_a_release_before_one_that_is_known_already_wakes_the_bus_earlier(engine: type[BusEngine]) -> None:
    buses = one_bus(engine, logged=[0])
    send(buses, LOW, 900_000)
    send(buses, HIGH, 100_000)
    buses.advance(np.array([2_000_000]))
    assert buses.take_log(0).start_ns.tolist() == [100_000, 900_000]


@EACH_ENGINE
def test_bit_times_that_are_no_whole_nanoseconds_are_rounded_once_a_frame(engine: type[BusEngine]) -> None:
    buses = engine(MESSAGES, 1, 33_333, logged=[0])
    send(buses, HIGH, 0)
    send(buses, LOW, 0)
    buses.advance(np.array([10_000_000]))
    assert buses.take_log(0).finish_ns.tolist() == [3_000_030, 6_000_060]  # 100 bits: 3 000 030.0003 ns
    assert buses.mailbox_time_ns[0].tolist() == [2_910_029, 5_910_059]  # 97 bits: 2 910 029.1 ns


@EACH_ENGINE
def test_statistics_of_two_frames(engine: type[BusEngine]) -> None:
    buses = one_bus(engine)
    send(buses, HIGH, 0)
    send(buses, LOW, 0)
    buses.advance(np.array([1_000_000]))
    statistics = buses.statistics
    first_ns, second_ns = 97 * BIT_NS, 197 * BIT_NS
    assert statistics.latency_max_ns[0].tolist() == [first_ns, second_ns]
    assert statistics.latency_sum_ns[0].tolist() == [first_ns, second_ns]
    assert statistics.latency_histogram[0, HIGH, latency_bin(first_ns)] == 1
    assert statistics.latency_histogram.sum() == 2
    assert statistics.busy_ns.tolist() == [400_000]
    assert statistics.latency_mean_s()[0] == pytest.approx([194e-6, 394e-6])


@pytest.mark.parametrize("index", range(LATENCY_BINS))
def test_latency_bins_are_those_of_the_edges(index: int) -> None:
    lower, upper = int(LATENCY_EDGES_NS[index]), int(LATENCY_EDGES_NS[index + 1])
    assert latency_bin(lower) == latency_bin(upper - 1) == index


def test_outer_latency_bins_hold_everything_beyond() -> None:
    assert latency_bin(4) == 0
    assert latency_bin(1 << 50) == LATENCY_BINS - 1


@EACH_ENGINE
def test_buses_are_independent_and_advance_to_their_own_instants(engine: type[BusEngine]) -> None:
    buses = engine(MESSAGES, 3, 500_000)
    everywhere = np.arange(3)
    buses.send(HIGH, everywhere, np.array([0, 0, 300_000]), np.zeros((3, 2), np.uint8), bits=[100, 50, 100])
    buses.advance(np.array([150_000, 150_000, 0]))
    assert (buses.mailbox_time_ns[:, HIGH] >= 0).tolist() == [False, True, False]
    buses.advance(np.array([0, 0, 494_000]))
    assert (buses.mailbox_time_ns[:, HIGH] >= 0).tolist() == [False, True, True]


@EACH_ENGINE
def test_sending_into_the_past_is_refused(engine: type[BusEngine]) -> None:
    buses = one_bus(engine)
    buses.advance(np.array([1_000]))
    send(buses, LOW, 1_000)
    with pytest.raises(SimulationError, match="High is sent before the instant"):
        send(buses, HIGH, 999)


def test_priorities_are_decided_bit_by_bit_on_the_wire() -> None:
    messages = [
        MessageLayout("ExtendedTop", 0x1FFFFFFF, 8, extended=True),
        MessageLayout("ExtendedLow", 0x100 << 18 | 1, 8, extended=True),
        MessageLayout("ExtendedLower", 0x100 << 18, 8, extended=True),
        MessageLayout("Base", 0x100, 8),
        MessageLayout("BaseTop", 0x7FF, 8),
    ]
    names = [messages[index].name for index in priority_order(messages)]
    assert names == ["Base", "ExtendedLower", "ExtendedLow", "BaseTop", "ExtendedTop"]


@EACH_ENGINE
def test_messages_that_cannot_share_a_bus_are_all_named(engine: type[BusEngine]) -> None:
    messages = [
        MessageLayout("First", 0x10, 8),
        MessageLayout("Twin", 0x10, 8),
        MessageLayout("Apart", 0x10, 8, extended=True),
        MessageLayout("Fast", 0x11, 64, fd=True),
        MessageLayout("Long", 0x12, 9),
    ]
    with pytest.raises(InputError) as caught:
        engine(messages, 1, 500_000)
    assert [problem.path for problem in caught.value.problems] == ["Twin", "Fast", "Long"]
