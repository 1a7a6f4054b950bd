"""Every engine gives what the SimPy engine gives: arrays, mailboxes, statistics and frame logs, to the nanosecond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.network.bus import BusEngine
from twin.network.codec import MessageLayout
from twin.network.engines import ENGINES
from twin.network.frames import frame_bits
from twin.network.options import Bus
from twin.network.simpy_bus import SimpyBuses

COUNT = 3
END_NS = 10_000_000_000
OTHERS = [name for name, engine in ENGINES.items() if engine is not SimpyBuses]
EACH_OTHER = pytest.mark.parametrize("engine", [ENGINES[name] for name in OTHERS], ids=OTHERS)


@dataclass(frozen=True)
class Batch:
    """Frames that are sent together after their buses have been advanced; ``delays_ns`` count from there."""

    advances_ns: tuple[int, ...]
    messages: tuple[int, ...]
    rows: tuple[int, ...]
    delays_ns: tuple[int, ...]
    payloads: tuple[bytes, ...]
    bits: tuple[int, ...] | None


@st.composite
def message_sets(draw: st.DrawFn) -> list[MessageLayout]:
    """Up to 80 messages: their ranks take more than one word of 64 bits."""
    size, seed = draw(st.sampled_from([1, 2, 3, 64, 80])), draw(st.integers(0, 1000))
    random = np.random.default_rng(seed)
    bases, lengths = random.permutation(1 << 11)[:size].tolist(), random.integers(0, 9, size).tolist()
    extended, rests = (random.random(size) < 0.5).tolist(), random.integers(0, 1 << 18, size).tolist()
    return [
        MessageLayout(f"M{index}", base << 18 | rest if longer else base, length, extended=longer)
        for index, (base, rest, longer, length) in enumerate(zip(bases, rests, extended, lengths, strict=True))
    ]


@st.composite
def batches(draw: st.DrawFn, messages: int) -> Batch:
    size = draw(st.integers(0, 8))

    def column(values: st.SearchStrategy[int], length: int = size) -> tuple[int, ...]:
        return tuple(draw(st.lists(values, min_size=length, max_size=length)))

    # A coarse grid lets releases and stops meet the instants at which frames of 100 bits of 2 us finish, and at which
    # those of 103 bits are seen.
    times = st.one_of(st.integers(0, 8).map(lambda step: step * 50_000), st.integers(0, 2_000_000))
    contents = st.one_of(st.binary(min_size=8, max_size=8), st.sampled_from([bytes(8), b"\xff" * 8]))
    return Batch(
        advances_ns=column(times, COUNT),
        messages=column(st.integers(0, messages - 1)),
        rows=column(st.integers(0, COUNT - 1)),
        delays_ns=column(times),
        payloads=tuple(draw(st.lists(contents, min_size=size, max_size=size))),
        bits=draw(st.one_of(st.none(), st.just(column(st.sampled_from([100, 103, 135, 400]))))),
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[MessageLayout], list[Batch]]:
    messages = draw(message_sets())
    return messages, draw(st.lists(batches(len(messages)), min_size=1, max_size=8))


def play(buses: BusEngine, batch: Batch, now_ns: np.ndarray) -> np.ndarray:
    """Advance, then send; return the instants that the buses have reached."""
    now_ns = now_ns + np.array(batch.advances_ns)
    buses.advance(now_ns)
    rows = np.array(batch.rows, np.int64)
    payload = np.frombuffer(b"".join(batch.payloads), np.uint8).reshape(-1, 8)
    times_ns = now_ns[rows] + np.array(batch.delays_ns, np.int64)
    buses.send(np.array(batch.messages, np.int64), rows, times_ns, payload, bits=batch.bits)
    return now_ns


def assert_same(found: BusEngine, expected: BusEngine) -> None:
    for name, values in vars(expected.statistics).items():
        np.testing.assert_array_equal(getattr(found.statistics, name), values, name)
    np.testing.assert_array_equal(found.mailbox_payload, expected.mailbox_payload)
    np.testing.assert_array_equal(found.mailbox_time_ns, expected.mailbox_time_ns)
    for bus in expected.logged:
        first, second = found.take_log(bus), expected.take_log(bus)
        for column, values in vars(second).items():
            np.testing.assert_array_equal(getattr(first, column), values, column)


@EACH_OTHER
@settings(max_examples=300, deadline=None)
@given(
    world=worlds(),
    bitrate_bit_s=st.one_of(st.just(500_000), st.sampled_from([33_333, 83_333.3]), st.floats(10_000, 1_000_000)),
    logged=st.sets(st.integers(0, COUNT - 1)).map(sorted),
)
def test_engines_agree(
    engine: type[BusEngine],
    world: tuple[list[MessageLayout], list[Batch]],
    bitrate_bit_s: float,
    logged: Sequence[int],
) -> None:
    messages, sent = world
    pair = [kind(messages, COUNT, bitrate_bit_s, logged=logged) for kind in (engine, SimpyBuses)]
    now_ns = np.zeros(COUNT, np.int64)
    for batch in sent:
        reached = [play(buses, batch, now_ns) for buses in pair]
        now_ns = reached[0]
        assert_same(*pair)
    for buses in pair:
        buses.advance(now_ns + END_NS)
    assert_same(*pair)
    assert pair[0].statistics.frames.sum() + pair[0].statistics.overwritten.sum() == sum(len(b.rows) for b in sent)


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
@settings(max_examples=200, deadline=None)
@given(
    frames=st.lists(
        st.tuples(
            st.booleans(),
            st.one_of(st.integers(0, (1 << 29) - 1), st.sampled_from([0, 0x7FF, (1 << 29) - 1])),
            st.one_of(st.binary(max_size=8), st.integers(0, 8).map(bytes), st.integers(0, 8).map(b"\xff".__mul__)),
        ),
        min_size=1,
        max_size=12,
        unique_by=lambda frame: (frame[0], frame[1] if frame[0] else frame[1] & 0x7FF),
    )
)
def test_frames_are_as_long_as_their_bits(engine: type[BusEngine], frames: list[tuple[bool, int, bytes]]) -> None:
    """Each frame has a bus to itself; at 1 Gbit/s a bit takes a nanosecond."""
    frames = [(extended, number if extended else number & 0x7FF, data) for extended, number, data in frames]
    messages = [
        MessageLayout(f"M{index}", number, len(data), extended=extended)
        for index, (extended, number, data) in enumerate(frames)
    ]
    buses, everywhere = engine(messages, len(frames), 1_000_000_000), np.arange(len(frames))
    payload = np.array([list(data.ljust(8, b"\0")) for _, _, data in frames], np.uint8)
    buses.send(everywhere, everywhere, np.zeros(len(frames), np.int64), payload)
    buses.advance(np.full(len(frames), 1_000))
    bits = [frame_bits(number, data, extended=extended).nominal_bits for extended, number, data in frames]
    assert buses.statistics.busy_ns.tolist() == bits


@pytest.mark.parametrize(
    ("message", "row"), [(2, 0), (-1, 0), (0, 3), (0, -1)], ids=["no message", "below 0", "no bus", "bus below 0"]
)
def test_native_buses_take_nothing_from_outside_of_their_arrays(message: int, row: int) -> None:
    buses = ENGINES["native"]([MessageLayout("A", 1, 8), MessageLayout("B", 2, 8)], 3, 500_000)
    buses._advanced_ns = np.zeros(8, np.int64)  # past the check of instants, which looks the bus up first
    with pytest.raises(ValueError, match=r"that (the buses have|there is) not"):
        buses.send(message, np.array([row]), np.array([0]), np.zeros((1, 8), np.uint8))


def test_scenarios_know_every_engine() -> None:
    assert get_args(Bus.model_fields["engine"].annotation) == tuple(ENGINES)
