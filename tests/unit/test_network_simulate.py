"""Message sets on one bus: what ``simulate_messages`` gives by hand, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from twin.errors import InputError
from twin.network.engines.records import FrameFlag
from twin.network.frames.bits import frame_bits
from twin.network.message_sets.periodic import PeriodicMessage
from twin.network.message_sets.simulate import simulate_messages
from twin.network.network import Node

MS = 1_000_000
EACH_ENGINE = pytest.mark.parametrize("engine", ["native", "simpy"])


@EACH_ENGINE
def test_frames_before_the_end_are_complete(engine: str) -> None:
    """The third instance, due at 2 ms, is released too late; the second one has only begun when the time is over."""
    message = PeriodicMessage(0x123, MS, data=b"\x01\x02\x03")
    frames = simulate_messages([message], bitrate_bit_s=100_000, duration_ns=MS + 1, engine=engine)
    finish_ns = frame_bits(0x123, b"\x01\x02\x03").nominal_bits * 10_000
    found = [(one.identifier, one.release_ns, one.start_ns, one.finish_ns, one.data) for one in frames]
    assert found == [(0x123, due, due, due + finish_ns, b"\x01\x02\x03") for due in (0, MS)]


@EACH_ENGINE
def test_what_has_not_started_before_the_end_is_left_out(engine: str) -> None:
    messages = [PeriodicMessage(1, MS, frame_bits=100), PeriodicMessage(2, MS, frame_bits=100)]
    frames = simulate_messages(messages, bitrate_bit_s=1_000_000, duration_ns=100_000, engine=engine)
    assert [(one.identifier, one.finish_ns) for one in frames] == [(1, 100_000)]


@EACH_ENGINE
def test_fd_frames_switch_their_bit_rate(engine: str) -> None:
    data = bytes(range(64))
    message = PeriodicMessage(0x18DA00F1, MS, data=data, extended=True, fd=True, bit_rate_switch=True)
    (frame,) = simulate_messages(
        [message], bitrate_bit_s=500_000, data_bitrate_bit_s=5_000_000, duration_ns=1, engine=engine
    )
    bits = frame_bits(0x18DA00F1, data, extended=True, fd=True, bit_rate_switch=True)
    assert frame.finish_ns == bits.nominal_bits * 2_000 + bits.data_bits * 200
    assert frame.flags == FrameFlag.EXTENDED | FrameFlag.FD | FrameFlag.BIT_RATE_SWITCH


@EACH_ENGINE
def test_messages_of_one_fifo_go_in_order(engine: str) -> None:
    """The most urgent one waits behind the other one of its node; the third has a node of its own."""
    fifo = Node("ecu", queue="fifo")
    messages = [
        PeriodicMessage(1, 10 * MS, offset_ns=2, frame_bits=100, node=fifo),
        PeriodicMessage(9, 10 * MS, offset_ns=1, frame_bits=100, node=fifo),
        PeriodicMessage(5, 10 * MS, frame_bits=100),
    ]
    frames = simulate_messages(messages, bitrate_bit_s=500_000, duration_ns=MS, engine=engine)
    assert frames.identifier.tolist() == [5, 9, 1]


@EACH_ENGINE
def test_the_seed_decides_jitter_and_errors(engine: str) -> None:
    messages = [PeriodicMessage(number, 2 * MS, jitter_ns=MS, data=bytes(8)) for number in (3, 4)]

    def run(seed: int) -> list[tuple[int, int, int]]:
        frames = simulate_messages(
            messages, bitrate_bit_s=500_000, duration_ns=100 * MS, engine=engine, seed=seed, bit_error_rate=1e-3
        )
        assert (frames.flags & FrameFlag.ERROR).any()
        assert ((frames.release_ns % (2 * MS)) <= MS).all()
        return list(zip(frames.release_ns.tolist(), frames.start_ns.tolist(), frames.error_bit.tolist(), strict=True))

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_no_messages_are_no_frames() -> None:
    assert len(simulate_messages([], bitrate_bit_s=500_000, duration_ns=MS)) == 0


GOOD: Mapping[str, Any] = {"bitrate_bit_s": 500_000, "duration_ns": MS}
ONE = PeriodicMessage(0x100, MS)
MISTAKES = {
    "twice": ([ONE, ONE], {}, ["0x100"]),
    "bit rate": ([ONE], {"bitrate_bit_s": 0}, ["bus"]),
    "data bit rate": ([ONE], {"data_bitrate_bit_s": 1}, ["bus"]),
    "duration": ([ONE], {"duration_ns": 0}, ["duration_ns"]),
    "engine": ([ONE], {"engine": "nativ"}, ["engine"]),
    "error rate": ([ONE], {"bit_error_rate": 1.5}, ["bit_error_rate"]),
    "jitter": ([PeriodicMessage(0x100, MS, jitter_ns=MS + 1)], {}, ["0x100"]),
    "two nodes of a name": (
        [PeriodicMessage(1, MS, node=Node("ecu")), PeriodicMessage(2, MS, node=Node("ecu", queue="fifo"))],
        {},
        ["ecu"],
    ),
    "two segments": (
        [PeriodicMessage(1, MS, node=Node("a")), PeriodicMessage(2, MS, node=Node("b", segment=1))],
        {},
        [None],
    ),
    "all at once": (
        [ONE, ONE, PeriodicMessage(0x101, MS, jitter_ns=2 * MS)],
        {"bitrate_bit_s": -1, "duration_ns": -1, "engine": "udp", "bit_error_rate": -1},
        ["duration_ns", "engine", "0x101", "bus", "0x100", "bit_error_rate"],
    ),
}


@pytest.mark.parametrize(("messages", "options", "paths"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_all_named(messages: list[PeriodicMessage], options: dict[str, Any], paths: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        simulate_messages(messages, **{**GOOD, **options})
    assert [problem.path for problem in caught.value.problems] == paths


def test_an_engine_that_is_meant_is_suggested() -> None:
    with pytest.raises(InputError, match=r"no engine 'nativ'; there are native, simpy \(did you mean native\?\)"):
        simulate_messages([ONE], **GOOD, engine="nativ")


def test_times_are_pythons_integers_and_identifiers_arrays() -> None:
    frames = simulate_messages([ONE], **GOOD)
    assert frames.identifier.dtype == np.int64
    assert type(frames[0].finish_ns) is int
