"""ISO-TP transfers take the frames that ISO 15765-2 counts, and a published transfer takes the published time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from twin.network.engines.engine import Engine
from twin.network.engines.records import Outcome
from twin.network.engines.registry import ENGINES
from twin.network.network import Channel, Message, Network, Node, Segment

EACH_ENGINE = pytest.mark.parametrize("kind", ENGINES.values(), ids=ENGINES)
REQUEST, RESPONSE = 0, 1
NETWORK = Network(
    (Segment(bitrate_bit_s=500_000.0),),
    (Node("tester"), Node("ECU")),
    (
        Message("request", 0x7E0, 8, 0, varying=True, depth=1, frame_bits=135),
        Message("response", 0x7E8, 8, 1, varying=True, depth=1, frame_bits=135),
    ),
    channels=(Channel(REQUEST, RESPONSE, stmin_ns=0),),
)


def transfer(kind: type[Engine], length: int, block_size: int) -> Engine:
    """Transfer so many bytes over a segment of 500 kbit/s that carries nothing else, in frames of 135 bits."""
    network = replace(NETWORK, channels=(Channel(REQUEST, RESPONSE, block_size=block_size, stmin_ns=0),))
    engine = kind(network, 1, logged=[0])
    data = bytes(index * 7 % 256 for index in range(length))
    engine.transfer(0, np.array([0]), np.array([0]), [data])
    engine.advance(np.array([10_000_000_000]))
    sent, received = engine.take_transfers()
    assert (sent.outcome, received.outcome, received.data) == (Outcome.SENT, Outcome.RECEIVED, data)
    return engine


@EACH_ENGINE
def test_4095_bytes_in_blocks_of_8(kind: type[Engine]) -> None:
    """660 frames, one after another, each of 135 bits of 2 us."""
    frames = transfer(kind, 4095, 8).take_log(0)
    assert len(frames) == 660
    assert frames.finish_ns[-1] == 178_200_000


@EACH_ENGINE
@pytest.mark.parametrize("block_size", [0, 1, 3, 8, 255])
@pytest.mark.parametrize("length", [1, 7, 8, 13, 14, 62, 63, 1000, 4095, 4096, 5000])
def test_how_many_frames_a_transfer_takes(kind: type[Engine], length: int, block_size: int) -> None:
    """A single frame up to 7 bytes; else a first frame, consecutive frames, and flow control before every block."""
    consecutive = 0 if length <= 7 else math.ceil((length - (6 if length <= 4095 else 2)) / 7)
    blocks = 0 if not consecutive else 1 if block_size == 0 else 1 + (consecutive - 1) // block_size
    statistics = transfer(kind, length, block_size).statistics
    assert statistics.frames.tolist() == [[1 + consecutive, blocks]]


@EACH_ENGINE
@pytest.mark.parametrize(("length", "flow_controls"), [(4095, 0), (4096, 1)])
def test_a_long_length_is_ignored_where_the_short_one_would_do(
    kind: type[Engine], length: int, flow_controls: int
) -> None:
    """ISO 15765-2:2016, 9.6.3.2: a first frame with the escape, and no more than 4095 bytes, gets no flow control."""
    engine = kind(NETWORK, 1)
    first = np.frombuffer(b"\x10\0" + length.to_bytes(4, "big") + bytes(2), np.uint8)
    engine.send(REQUEST, np.array([0]), np.array([0]), first.reshape(1, 8))
    engine.advance(np.array([10_000_000]))
    assert engine.statistics.frames.tolist() == [[1, flow_controls]]
