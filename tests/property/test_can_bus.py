"""The bus on random traffic: what arbitration promises, and that lazy advancing changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.network.bus import BusEngine
from twin.network.codec import MessageLayout
from twin.network.engines import ENGINES
from twin.network.statistics import FrameLog

END_NS = 25_000_000
"""Of the last release, at 2 ms, and of the five longest frames that may then still be ahead, at 33 kbit/s."""
# Base and extended identifiers, two of which share their first 11 bits.
MESSAGES = [
    MessageLayout("Extended", 0x100 << 18 | 5, 8, extended=True),
    MessageLayout("High", 0x080, 8),
    MessageLayout("Base", 0x100, 8),
    MessageLayout("Low", 0x7FF, 8),
]
BY_PRIORITY = [1, 2, 0, 3]
"""High; Base, which wins over Extended by its dominant RTR and IDE; Extended; Low."""


@dataclass(frozen=True)
class Send:
    bus: int
    message: int
    time_ns: int
    bits: int
    payload: int


# Times and lengths on a coarse grid, so that releases often meet the instant at which a frame finishes.
SENDS = st.lists(
    st.builds(
        Send,
        bus=st.integers(0, 1),
        message=st.integers(0, len(MESSAGES) - 1),
        time_ns=st.one_of(st.integers(0, 40).map(lambda step: step * 50_000), st.integers(0, 2_000_000)),
        bits=st.sampled_from([50, 75, 135]),
        payload=st.integers(0, 255),
    ),
    min_size=1,
    max_size=40,
)
BITRATES = st.sampled_from([500_000, 33_333, 83_333.3])
EACH_ENGINE = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


def queue(buses: BusEngine, sends: Sequence[Send]) -> None:
    for send in sends:
        payload = np.full((1, 8), send.payload, np.uint8)
        buses.send(send.message, np.array([send.bus]), np.array([send.time_ns]), payload, bits=send.bits)


def in_one_go(engine: type[BusEngine], sends: Sequence[Send], bitrate_bit_s: float) -> BusEngine:
    buses = engine(MESSAGES, 2, bitrate_bit_s, logged=[0, 1])
    queue(buses, sends)
    buses.advance(np.array([END_NS, END_NS]))
    return buses


@EACH_ENGINE
@settings(max_examples=150, deadline=None)
@given(SENDS, BITRATES)
def test_arbitration(engine: type[BusEngine], sends: list[Send], bitrate_bit_s: float) -> None:
    buses = in_one_go(engine, sends, bitrate_bit_s)
    for bus in (0, 1):
        log, own = buses.take_log(bus), [send for send in sends if send.bus == bus]
        assert_frames_do_not_overlap(log)
        assert_bus_is_never_idle_while_a_frame_waits(log, own)
        assert_the_newest_frame_of_the_highest_priority_starts(log, own)
        assert len(log.message) + buses.statistics.overwritten[bus].sum() == len(own)


def assert_frames_do_not_overlap(log: FrameLog) -> None:
    assert (log.start_ns[1:] >= log.finish_ns[:-1]).all()
    assert (log.start_ns >= log.release_ns).all()


def assert_bus_is_never_idle_while_a_frame_waits(log: FrameLog, sends: Sequence[Send]) -> None:
    for send in sends:
        assert ((log.start_ns <= send.time_ns) & (send.time_ns < log.finish_ns)).any() or send.time_ns in log.start_ns
    gaps = log.start_ns[1:] > log.finish_ns[:-1]
    assert (log.start_ns[1:] == log.release_ns[1:])[gaps].all()


def assert_the_newest_frame_of_the_highest_priority_starts(log: FrameLog, sends: Sequence[Send]) -> None:
    last_start_ns = dict.fromkeys(range(len(MESSAGES)), -1)
    for message, start_ns, release_ns in zip(log.message, log.start_ns, log.release_ns, strict=True):
        waiting = [s for s in sends if last_start_ns[s.message] < s.time_ns <= start_ns]
        assert BY_PRIORITY.index(message) == min(BY_PRIORITY.index(send.message) for send in waiting)
        assert release_ns == max(send.time_ns for send in waiting if send.message == message)
        last_start_ns[message] = start_ns


@EACH_ENGINE
@settings(max_examples=150, deadline=None)
@given(SENDS, BITRATES, st.lists(st.integers(0, 3_000_000), max_size=12))
def test_advancing_in_pieces_changes_nothing(
    engine: type[BusEngine], sends: list[Send], bitrate_bit_s: float, stops_ns: list[int]
) -> None:
    """Every frame is sent as late as it may be: when its bus has been advanced to the last stop up to its release."""
    whole = in_one_go(engine, sorted(sends, key=lambda send: send.time_ns), bitrate_bit_s)
    pieces = engine(MESSAGES, 2, bitrate_bit_s, logged=[0, 1])
    stops_ns = sorted({0, *stops_ns, *(send.time_ns for send in sends)})
    for stop_ns, next_ns in zip(stops_ns, [*stops_ns[1:], END_NS], strict=True):
        pieces.advance(np.array([stop_ns, max(0, stop_ns - 1)]))  # the second bus lags behind
        fresh = [send for send in sends if stop_ns <= send.time_ns < next_ns]
        queue(pieces, sorted(fresh, key=lambda send: send.time_ns))
    pieces.advance(np.array([END_NS, END_NS]))
    assert_same(pieces, whole)


def assert_same(found: BusEngine, expected: BusEngine) -> None:
    for name in ("frames", "overwritten", "latency_sum_ns", "latency_max_ns", "latency_histogram", "busy_ns"):
        np.testing.assert_array_equal(getattr(found.statistics, name), getattr(expected.statistics, name), name)
    np.testing.assert_array_equal(found.mailbox_payload, expected.mailbox_payload)
    np.testing.assert_array_equal(found.mailbox_time_ns, expected.mailbox_time_ns)
    for bus in (0, 1):
        first, second = found.take_log(bus), expected.take_log(bus)
        for column in vars(first):
            np.testing.assert_array_equal(getattr(first, column), getattr(second, column), column)


@EACH_ENGINE
@settings(max_examples=60, deadline=None)
@given(SENDS, BITRATES, st.integers(0, 3_000_000))
def test_mailboxes_hold_what_was_seen_by_the_instant(
    engine: type[BusEngine], sends: list[Send], bitrate_bit_s: float, stop_ns: int
) -> None:
    """Whether a frame is seen at a stop depends only on the end of its last EOF bit, three bits before its finish."""
    log = in_one_go(engine, sends, bitrate_bit_s).take_log(0)
    stopped = engine(MESSAGES, 2, bitrate_bit_s)
    queue(stopped, sends)
    bits = np.rint((log.finish_ns - log.start_ns) * bitrate_bit_s / 1e9)
    seen_ns = log.start_ns + np.rint((bits - 3) * 1e9 / bitrate_bit_s).astype(np.int64)
    stops_ns = np.array([seen_ns[len(seen_ns) // 2] if len(seen_ns) else stop_ns, stop_ns])
    stopped.advance(stops_ns)
    for message in range(len(MESSAGES)):
        times_ns = seen_ns[(log.message == message) & (seen_ns <= stops_ns[0])]
        assert stopped.mailbox_time_ns[0, message] == (times_ns[-1] if len(times_ns) else -1)
