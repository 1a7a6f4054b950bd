"""The readable engine in small worlds, against instants computed by hand.

At 500 kbit/s a bit takes 2 us. Frames of these worlds have 100 bits unless said otherwise: seen after 194 us, finish
after 200 us, ACK slot 88; an error in bit k ends after k + 1 bits, and the segment is idle 12 + 8 + 3 bits later.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pytest

from twin.errors import SimulationError
from twin.network.engines.chance import draw, first_error_thresholds, jitter_ns
from twin.network.engines.engine import LAST_BIT, NEVER_SEEN, Engine
from twin.network.engines.records import Change, FrameFlag, NodeState, Outcome
from twin.network.engines.simpy import SimpyEngine
from twin.network.frames.bits import FrameFormat, frame_bits
from twin.network.frames.wire import error_flag_bits, wire_frame
from twin.network.network import Channel, Filter, Message, Network, Node, Route, Segment

US = 1000
BIT_US = 2
EVERYTHING = (Filter(0, 0), Filter(0, 0, extended=True))
A, B, C = range(3)
ACTIVE, PASSIVE, BUS_OFF, OFF = NodeState
Row = tuple[int, float, float, int]
"""Of a log: message, start and finish in us, wrong bit."""


def nodes(*changed: Node, count: int = 3) -> tuple[Node, ...]:
    """Nodes that accept everything; some of them as stated."""
    rest = (Node(f"N{index}", accepts=EVERYTHING) for index in range(len(changed), count))
    return *changed, *rest


def messages(*senders: int, **options: Any) -> tuple[Message, ...]:
    """Messages of 100 bits, the first of the highest priority, by their senders."""
    settings = {"frame_bits": 100, **options}
    return tuple(Message(f"M{index}", 0x10 + index, 8, node, **settings) for index, node in enumerate(senders))


THREE = Network((Segment(),), nodes(), messages(0, 1, 2))


class World:
    """One site, told in us."""

    def __init__(self, network: Network = THREE, key: int = 0) -> None:
        self.engine: Engine = SimpyEngine(network, 1, keys=np.array([key], np.uint64), logged=[0])

    def send(self, message: int, *times_us: float, data: bytes = b"", **options: Any) -> Self:
        payload = np.frombuffer(data.ljust(64, b"\0"), np.uint8)[None]
        for time_us in times_us:
            self.engine.send(message, np.array([0]), _ns(time_us), payload, **options)
        return self

    def cycle(self, message: int, first_us: float, period_us: float, **options: Any) -> Self:
        self.engine.cycle(message, np.array([0]), _ns(first_us), _ns(period_us), np.zeros((1, 8), np.uint8), **options)
        return self

    def tell(self, method: str, *target: int, at_us: float = 0, **options: Any) -> Self:
        getattr(self.engine, method)(*target, np.array([0]), _ns(at_us), **options)
        return self

    def advance(self, until_us: float) -> Self:
        self.engine.advance(_ns(until_us))
        return self

    def log(self) -> list[Row]:
        frames = self.engine.take_log(0)
        starts_us, finishes_us = frames.start_ns / US, frames.finish_ns / US
        columns = (frames.message.tolist(), starts_us.tolist(), finishes_us.tolist(), frames.error_bit.tolist())
        return list(zip(*columns, strict=True))

    def changes(self) -> list[tuple[float, int, NodeState]]:
        return [(change.time_ns / US, change.node, change.state) for change in self.engine.take_changes()]

    def count(self, name: str, message: int = A) -> int:
        return int(getattr(self.engine.statistics, name)[0, message])

    def node(self, index: int) -> tuple[int, int, NodeState]:
        """Return a node's TEC, REC and state."""
        states = self.engine.nodes
        return int(states.tec[0, index]), int(states.rec[0, index]), NodeState(int(states.state[0, index]))


def _ns(time_us: float) -> np.ndarray:
    return np.array([round(time_us * US)], np.int64)


@dataclass(frozen=True)
class Case:
    """What is done in a world, and the frames that come of it within 100 ms."""

    name: str
    script: Callable[[World], object]
    frames: Sequence[Row]
    counts: Sequence[tuple[str, int, int]] = ()
    """(statistic, message, value) each."""
    network: Network = THREE


FIFO = Network((Segment(),), nodes(Node("F", queue="fifo", depth=2)), messages(0, 1, 0))
DEEP = Network((Segment(),), nodes(), messages(0, 1, 1, depth=2))
TWO_SEGMENTS = Network(
    (Segment("a"), Segment("b", 1_000_000.0)),
    (Node("S"), Node("G"), Node("H", 1), Node("R", 1, accepts=EVERYTHING)),
    (Message("A", 1, 8, 0, frame_bits=100), Message("to", 1, 8, 2, frame_bits=100)),
    routes=(Route(0, 1, 1, delay_ns=5_000),),
)

CASES = [
    Case(
        "the highest priority first",
        lambda world: world.send(C, 0).send(B, 0).send(A, 0),
        [(A, 0, 200, -1), (B, 200, 400, -1), (C, 400, 600, -1)],
    ),
    Case(
        "a frame released as the segment goes idle takes part",
        lambda world: world.send(B, 0).send(C, 10).send(A, 200),
        [(B, 0, 200, -1), (A, 200, 400, -1), (C, 400, 600, -1)],
    ),
    Case(
        "a frame released a nanosecond later does not",
        lambda world: world.send(B, 0).send(C, 10).send(A, 200.001),
        [(B, 0, 200, -1), (C, 200, 400, -1), (A, 400, 600, -1)],
    ),
    Case(
        "nothing starts within the interframe space",
        lambda world: world.send(B, 0).send(A, 195),
        [(B, 0, 200, -1), (A, 200, 400, -1)],
    ),
    Case("an idle segment", lambda world: world.send(A, 7.5), [(A, 7.5, 207.5, -1)]),
    Case(
        "a newer instance replaces one that waits",
        lambda world: world.send(A, 0).send(B, 10, 20, 30),
        [(A, 0, 200, -1), (B, 200, 400, -1)],
        [("overwritten", B, 2), ("frames", B, 1)],
    ),
    Case(
        "the frame on the wire is not replaced",
        lambda world: world.send(A, 0, 10),
        [(A, 0, 200, -1), (A, 200, 400, -1)],
        [("overwritten", A, 0)],
    ),
    Case(
        "a queue of two instances",
        lambda world: world.send(A, 0).send(B, 10, 20, 30),
        [(A, 0, 200, -1), (B, 200, 400, -1), (B, 400, 600, -1)],
        [("overwritten", B, 0), ("dropped", B, 1)],
        DEEP,
    ),
    Case(
        "a fifo inverts priorities",
        lambda world: world.send(C, 0).send(A, 0.5).send(B, 0.25),
        [(C, 0, 200, -1), (A, 200, 400, -1), (B, 400, 600, -1)],
        network=FIFO,
    ),
    Case(
        "a high priority waits in a fifo",
        lambda world: world.send(B, 0).send(C, 10).send(A, 20).send(B, 30),
        [(B, 0, 200, -1), (B, 200, 400, -1), (C, 400, 600, -1), (A, 600, 800, -1)],
        network=FIFO,
    ),
    Case(
        "a full fifo",
        lambda world: world.send(B, 0).send(C, 10, 20).send(A, 30),
        [(B, 0, 200, -1), (C, 200, 400, -1), (C, 400, 600, -1)],
        [("dropped", A, 1), ("dropped", C, 0)],
        FIFO,
    ),
    Case(
        "frames of one instant join a fifo by message",
        lambda world: world.send(C, 0).send(A, 0),
        [(A, 0, 200, -1), (C, 200, 400, -1)],
        network=FIFO,
    ),
    Case(
        "a gateway passes on 5 us after reception",
        lambda world: world.send(A, 0),
        [(0, 0, 200, -1), (1, 199, 299, -1)],
        network=TWO_SEGMENTS,
    ),
    Case(
        "a gateway that is off",
        lambda world: world.tell("power", 1, on=False).tell("power", 3, on=False).send(A, 0),
        [(0, 0, 200, -1)],
        network=replace(TWO_SEGMENTS, nodes=(*TWO_SEGMENTS.nodes, Node("L"))),
    ),
    Case(
        "a cycle until another replaces it",
        lambda world: world.cycle(A, 100, 1000).cycle(A, 2100, 500).cycle(A, 3100, 0),
        [(A, 100, 300, -1), (A, 1100, 1300, -1), (A, 2100, 2300, -1), (A, 2600, 2800, -1)],
    ),
    Case(
        "of one message at one instant the cycle's frame is older",
        lambda world: world.send(B, 0).send(A, 100).cycle(A, 100, 10**9),
        [(B, 0, 200, -1), (A, 200, 400, -1)],
        [("overwritten", A, 1)],
    ),
    Case(
        "an inverted bit",
        lambda world: world.tell("invert", bit=10).send(A, 0),
        [(A, 0, 68, 10), (A, 68, 268, -1)],
        [("errors", A, 1), ("frames", A, 1), ("busy_ns", 0, 268_000)],
    ),
    Case(
        "bits of the next two frames of a message",
        lambda world: world.tell("invert", bit=0, frames=2, message=B).send(A, 0).send(B, 0),
        [(A, 0, 200, -1), (B, 200, 248, 0), (B, 248, 296, 0), (B, 296, 496, -1)],
    ),
    Case(
        "bits of a node's frames from an instant on",
        lambda world: world.tell("invert", at_us=200, bit=0, frames=1, node=0).send(A, 0, 200).send(B, 300),
        [(A, 0, 200, -1), (A, 200, 248, 0), (A, 248, 448, -1), (B, 448, 648, -1)],
    ),
    Case(
        "the earliest of two inverted bits, counted twice",
        lambda world: world.tell("invert", bit=20).tell("invert", bit=10).send(A, 0),
        [(A, 0, 68, 10), (A, 68, 268, -1)],
    ),
    Case(
        "a failed frame goes back to the head of its queue",
        lambda world: world.tell("invert", bit=50, node=0).send(C, 0).send(A, 10),
        [(C, 0, 148, 50), (C, 148, 348, -1), (A, 348, 548, -1)],
        network=FIFO,
    ),
    Case(
        "a failed frame goes back even where its queue is full",
        lambda world: world.tell("invert", bit=50).send(B, 0, 10, 20, 110).send(A, 110),
        [(B, 0, 148, 50), (A, 148, 348, -1), (B, 348, 548, -1), (B, 548, 748, -1), (B, 748, 948, -1)],
        [("dropped", B, 1)],
        DEEP,
    ),
    Case(
        "a newer instance takes the place of a failed one",
        lambda world: world.tell("invert", bit=50).send(A, 0, 10),
        [(A, 0, 148, 50), (A, 148, 348, -1)],
        [("overwritten", A, 1)],
    ),
    Case(
        "an error gives way to a higher priority",
        lambda world: world.tell("invert", bit=10).send(B, 0).send(A, 68),
        [(B, 0, 68, 10), (A, 68, 268, -1), (B, 268, 468, -1)],
    ),
    Case(
        "a frame that fails while another sender is suspended",
        lambda world: (
            world.tell("invert", bit=0, frames=17, message=A)
            .tell("invert", bit=0, message=B)
            .send(A, 0, 1)
            .send(B, 1050)
        ),
        [
            *(
                (A, 48 * attempt + 16 * (attempt > 15), 48 * attempt + 16 * (attempt > 15) + 48, 0)
                for attempt in range(17)
            ),
            (A, 848, 1048, -1),
            (B, 1050, 1098, 0),
            (A, 1098, 1298, -1),
            (B, 1298, 1498, -1),
        ],
        network=DEEP,
    ),
    Case(
        "a glitch in bit 15",
        lambda world: world.send(A, 0).tell("glitch", 0, at_us=31.999),
        [(A, 0, 78, 15), (A, 78, 278, -1)],
    ),
    Case(
        "a glitch at the border of bits 15 and 16",
        lambda world: world.send(A, 0).tell("glitch", 0, at_us=32),
        [(A, 0, 80, 16), (A, 80, 280, -1)],
    ),
    Case(
        "a glitch before the start, and one in the interframe space",
        lambda world: world.tell("glitch", 0, at_us=50).send(A, 50).tell("glitch", 0, at_us=245),
        [(A, 50, 250, -1)],
    ),
    Case(
        "glitches behind and before a bit that is wrong",
        lambda world: (
            world.tell("invert", bit=10, frames=2).tell("glitch", 0, at_us=30).tell("glitch", 0, at_us=78.5).send(A, 0)
        ),
        [(A, 0, 68, 10), (A, 68, 126, 5), (A, 126, 326, -1)],
    ),
    Case(
        "every bit wrong for a while",
        lambda world: world.tell("noise", 0, rate=1.0).send(A, 0).tell("noise", 0, at_us=100, rate=0.0),
        [(A, 0, 48, 0), (A, 48, 96, 0), (A, 96, 144, 0), (A, 144, 344, -1)],
    ),
    Case(
        "power is lost in the middle of a frame",
        lambda world: world.send(A, 0, 10).tell("power", 0, at_us=31, on=False).send(A, 50).send(B, 40),
        [(A, 0, 78, 15), (B, 78, 278, -1)],
        [("dropped", A, 3), ("errors", A, 1)],
    ),
    Case(
        "bus-off in the middle of a frame",
        lambda world: world.send(A, 0, 10).tell("bus_off", 0, at_us=31),
        [(A, 0, 78, 15)],
        [("dropped", A, 2), ("errors", A, 1)],
    ),
    Case(
        "a wire breaks in the middle of a frame, and is mended",
        lambda world: world.send(A, 0).tell("connect", 0, at_us=31, on=False).tell("connect", 0, at_us=500, on=True),
        [(A, 0, 78, 15), (A, 500, 700, -1)],
        [("dropped", A, 0), ("errors", A, 1)],
    ),
    Case(
        "the last listener goes before the ACK slot",
        lambda world: (
            world.tell("power", 2, on=False)
            .send(A, 0)
            .tell("power", 1, at_us=175, on=False)
            .tell("power", 1, at_us=200, on=True)
        ),
        [(A, 0, 224, 88), (A, 224, 424, -1)],
    ),
    Case(
        "the last listener goes with the ACK slot's start",
        lambda world: world.tell("power", 2, on=False).send(A, 0).tell("power", 1, at_us=176, on=False),
        [(A, 0, 200, -1)],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_frames_and_counts(case: Case) -> None:
    world = World(case.network)
    case.script(world)
    world.advance(100_000)
    assert world.log() == [*case.frames]
    assert [(name, at, world.count(name, at)) for name, at, _ in case.counts] == [*case.counts]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_pieces_make_no_difference(case: Case) -> None:
    """Steps of 1 us meet all instants of the cases."""
    world = World(case.network)
    case.script(world)
    for until_us in range(0, 5000, 2):
        world.advance(until_us)
    assert world.log() == [*case.frames]


def test_a_frame_is_in_the_mailboxes_at_its_last_bit() -> None:
    world = World().send(A, 0, data=b"12345678").advance(193.999)
    assert world.engine.mailbox_time_ns[0].tolist() == [NEVER_SEEN] * 7
    world.advance(194)
    boxes = world.engine.network.box
    assert world.engine.mailbox_payload[0, boxes[1, A]].tobytes() == b"12345678"
    assert world.engine.mailbox_time_ns[0, boxes[:, A]].tolist() == [NEVER_SEEN, 194_000, 194_000]


def test_a_node_that_is_off_has_lost_its_mailboxes() -> None:
    world = World().send(A, 0, data=b"12345678").tell("power", 1, at_us=300, on=False).advance(301)
    boxes = world.engine.network.box
    assert world.engine.mailbox_time_ns[0, boxes[1:, A]].tolist() == [NEVER_SEEN, 194_000]
    assert not world.engine.mailbox_payload[0, boxes[1, A]].any()


def test_latencies_and_misses() -> None:
    network = Network((Segment(),), nodes(), messages(0, 1, deadline_ns=194_000))
    world = World(network).send(A, 0).send(B, 10).advance(1000)
    statistics = world.engine.statistics
    assert statistics.latency_sum_ns.tolist() == [[194_000, 384_000]]
    assert statistics.latency_max_ns.tolist() == [[194_000, 384_000]]
    assert statistics.misses.tolist() == [[0, 1]]
    assert statistics.latency_histogram.sum(axis=2).tolist() == [[1, 1]]
    assert statistics.busy_ns.tolist() == [[400_000]]


def test_a_remote_frame_is_answered_with_the_latest_content() -> None:
    ask = Message("ask", 1, 8, 0, remote=True, frame_bits=60)
    answer = Message("answer", 1, 8, 1, varying=True)
    network = Network((Segment(),), nodes(), (ask, answer), routes=(Route(0, 1, 1, delay_ns=3_000),))
    world = World(network).send(0, 0).send(1, 1000, data=b"new", length=3).send(0, 2000).advance(10_000)
    frames = [*world.engine.take_log(0)]
    assert [(frame.message, frame.release_ns // US, frame.data) for frame in frames] == [
        *((0, 0, b""), (1, 117, bytes(8)), (1, 1000, b"new"), (0, 2000, b""), (1, 2117, b"new"))
    ]
    assert frames[0].flags == FrameFlag.REMOTE


def test_the_log_says_what_was_sent() -> None:
    network = Network((Segment(),), nodes(), (Message("A", 0x123, 8, 0, varying=True),))
    world = World(network).tell("invert", bit=LAST_BIT).send(0, 5, data=b"abcd", length=2).advance(5000)
    bits = frame_bits(0x123, b"ab").nominal_bits
    failed, sent = world.engine.take_log(0)
    assert (failed.data, failed.flags, sent.data, sent.flags) == (b"ab", FrameFlag.ERROR, b"ab", FrameFlag(0))
    assert failed.finish_ns == sent.start_ns == 5000 + 2000 * (bits - 3 + 6 + 11)
    assert not len(world.engine.take_log(0))


@pytest.mark.parametrize("bit", [0, 5, 12, 30, 60, 80, 90, 100])
def test_flags_of_real_frames_are_those_of_the_wire(bit: int) -> None:
    network = Network((Segment(),), nodes(), (Message("A", 0x123, 8, 0),))
    world = World(network).tell("invert", bit=bit).send(0, 0, data=b"\x00\xff\x12\x34\x56\x78\x9a\xbc").advance(1000)
    wire = wire_frame(FrameFormat(0x123, 8), b"\x00\xff\x12\x34\x56\x78\x9a\xbc")
    busy_us = 2 * (bit + 1 + error_flag_bits(wire, bit, sender_passive=False) + 11)
    assert world.log()[0] == (0, 0, busy_us, bit)


def test_a_frame_that_switches_its_bit_rate() -> None:
    network = Network(
        (Segment(data_bitrate_bit_s=2_000_000.0),), nodes(), (Message("A", 7, 64, 0, fd=True, bit_rate_switch=True),)
    )
    bits = frame_bits(7, bytes(64), fd=True, bit_rate_switch=True)
    world = World(network).send(0, 0).tell("glitch", 0, at_us=2000).send(0, 2000).tell("glitch", 0, at_us=2100)
    world.advance(10_000)
    whole, cut, _ = world.engine.take_log(0)
    assert whole.finish_ns == bits.nominal_bits * 2000 + bits.data_bits * 500
    header_bits = bits.nominal_bits - 12
    data_bits = (100_000 - header_bits * 2000) // 500 + 1  # the wrong one included
    flag_bits = error_flag_bits(
        wire_frame(FrameFormat(7, 64, fd=True, bit_rate_switch=True), bytes(64)),
        header_bits + data_bits - 1,
        sender_passive=False,
    )
    assert cut.finish_ns - 2_000_000 == (header_bits + flag_bits + 11) * 2000 + data_bits * 500


def test_durations_are_rounded_from_the_start_of_each_frame() -> None:
    network = Network((Segment(bitrate_bit_s=83_333.3),), nodes(), messages(0))
    world = World(network).cycle(A, 0, 5000).advance(9_000)
    assert world.engine.take_log(0).finish_ns.tolist() == [1_200_000, 6_200_000]  # 1200000.48 ns
    assert world.engine.statistics.latency_max_ns[0, A] == 1_164_000  # 1164000.466 ns


@pytest.mark.parametrize(("bits", "finish_ns"), [(98, 9_570_312), (102, 9_960_938)])
def test_half_nanoseconds_are_rounded_to_even_ones(bits: int, finish_ns: int) -> None:
    """A bit of 97656.25 ns."""
    network = Network((Segment(bitrate_bit_s=10_240.0),), nodes(), messages(0, frame_bits=bits))
    assert World(network).send(A, 0).advance(20_000).engine.take_log(0).finish_ns.tolist() == [finish_ns]


def test_cycles_jitter_as_chance_has_it() -> None:
    world = World(key=99).cycle(B, 10, 1000, jitter_ns=400_000).advance(5_000)
    expected = [10_000 + 1_000_000 * k + jitter_ns(99, B, k, 400_000) for k in range(5)]
    assert world.engine.take_log(0).release_ns.tolist() == expected


def test_noise_is_that_of_chance() -> None:
    world = World(key=7).cycle(A, 0, 1000).tell("noise", 0, at_us=2500, rate=0.005).advance(60_000)
    thresholds = first_error_thresholds(0.005).tolist()
    expected = [-1, -1, -1]
    for attempt in range(200):
        bit = bisect_right(thresholds, draw(7, 0, attempt))
        expected.append(bit if bit < 97 else -1)
    found = [bit for _, _, _, bit in world.log()]
    assert found == expected[: len(found)]
    assert len(found) > 60
    assert 40 < found.count(-1) <= 60


def test_who_is_not_acknowledged_becomes_passive_and_stays_so() -> None:
    """Each attempt ends with the ACK slot and takes 89 + 12 + 11 bits; a passive sender waits for 8 bits more."""
    world = World().tell("power", 1, on=False).tell("power", 2, on=False).send(A, 0).advance(16 * 224 - 1)
    rows = [(A, 224 * attempt, 224 * (attempt + 1), 88) for attempt in range(16)]
    assert world.log() == rows
    assert world.node(0) == (128, 0, PASSIVE)
    assert world.changes()[2:] == [(224 * 15 + 178, 0, PASSIVE)]
    world.advance(16 * 224 + 100 * 240 - 1)
    assert world.log() == [(A, 3584 + 16 + 240 * later, 3584 + 240 * (later + 1), 88) for later in range(100)]
    assert world.node(0) == (128, 0, PASSIVE)
    world.tell("power", 1, at_us=16 * 224 + 100 * 240, on=True).advance(50_000)
    assert world.log() == [(A, 27_600, 27_800, -1)]
    assert world.node(0) == (127, 0, ACTIVE)


def test_32_inverted_frames_lead_to_bus_off_and_back() -> None:
    """An attempt takes 11 + 12 + 11 bits, 8 more from the 16th on; the last one's finish is the first of 128."""
    world = World().tell("invert", bit=10, frames=32).send(A, 0).advance(2386)
    starts_us = [68 * attempt + 16 * max(attempt - 15, 0) for attempt in range(32)]
    assert world.log() == [(A, start_us, start_us + 68, 10) for start_us in starts_us]
    assert world.changes() == [(starts_us[15] + 22, 0, PASSIVE), (2386, 0, BUS_OFF)]
    assert world.node(0) == (256, 0, BUS_OFF)
    assert world.node(1) == (0, 32, ACTIVE)
    assert (world.count("errors"), world.count("dropped")) == (32, 1)
    back_us = 2386 + 46 + 127 * 11 * BIT_US
    world.send(A, back_us - 1, back_us).advance(back_us)
    assert world.changes() == [(back_us, 0, ACTIVE)]
    world.advance(10_000)
    assert world.log() == [(A, back_us, back_us + 200, -1)]
    assert (world.node(0), world.node(1)) == ((0, 0, ACTIVE), (0, 31, ACTIVE))
    assert world.count("dropped") == 2
    assert world.engine.nodes.bus_offs.tolist() == [[1, 0, 0]]


RECOVERIES = [
    ("on an idle segment", 0, [], 2816),
    ("later", 1_000_000, [], 1000 + 2816),
    ("never", None, [], None),
    # Idle for 150 us: 6 sequences of 22 us, 18 us are lost. The finish at 350 us is the 7th, 121 are left.
    ("with a frame in between", 0, [(B, 150)], 350 + 121 * 22),
    ("with a frame at the end of a sequence", 0, [(B, 220)], 420 + 117 * 22),
    ("with a frame under way", 50_000, [(B, 0)], 200 + 127 * 22),
    ("from a frame's finish on", 200_000, [(B, 0)], 200 + 128 * 22),
    ("with a frame under way at the end", 0, [(B, 2800)], 3000),
    ("within an interframe space", 196_000, [(B, 0)], 200 + 127 * 22),
]


@pytest.mark.parametrize(
    ("recovery_ns", "sent", "back_us"), [row[1:] for row in RECOVERIES], ids=[row[0] for row in RECOVERIES]
)
def test_recovery(recovery_ns: int | None, sent: list[tuple[int, float]], back_us: float | None) -> None:
    network = Network((Segment(),), nodes(Node("A", recovery_ns=recovery_ns)), messages(0, 1, 2))
    world = World(network).tell("bus_off", 0)
    for message, time_us in sent:
        world.send(message, time_us)
    world.advance(20_000)
    expected = [(0.0, 0, BUS_OFF), *([] if back_us is None else [(back_us, 0, ACTIVE)])]
    assert world.changes() == expected


@pytest.mark.parametrize("bitrate_bit_s", [66_666.7, 83_333.3, 500_000.0])
def test_a_sequence_that_ends_as_a_frame_starts_counts(bitrate_bit_s: float) -> None:
    """Ten sequences are idle, the frame's end is the next, and 117 are left."""
    network = Network((Segment(bitrate_bit_s=bitrate_bit_s),), nodes(), messages(0, 1, 2))
    start_ns, frame_ns, left_ns = (round(bits * 1e9 / bitrate_bit_s) for bits in (110, 100, 117 * 11))
    world = World(network).tell("bus_off", 0).send(B, start_ns / US).advance(100_000)
    assert world.changes()[1:] == [((start_ns + frame_ns + left_ns) / US, 0, ACTIVE)]


def test_power_ends_the_count_of_recovery() -> None:
    world = World().tell("bus_off", 0).tell("power", 0, at_us=100, on=False).tell("power", 0, at_us=200, on=True)
    world.tell("invert", bit=0, at_us=1000).send(A, 1000).advance(10_000)
    assert world.node(0) == (7, 0, ACTIVE)


def test_power_ends_the_suspension() -> None:
    """Passive from its 17 errors on, at 832 us the sender has to wait for 16 us, and is switched off and on."""
    world = World().tell("invert", bit=0, frames=17).send(A, 0)
    world.tell("power", 0, at_us=833, on=False).tell("power", 0, at_us=834, on=True).send(A, 835).advance(5000)
    assert world.log()[16:] == [(A, 784, 832, 0), (A, 835, 1035, -1)]


def test_a_passive_sender_that_nobody_acknowledges_pays_for_nothing_in_the_ack_slot() -> None:
    world = World().tell("invert", bit=88, frames=100).tell("power", 1, on=False).tell("power", 2, on=False)
    world.send(A, 0).advance(20_000)
    assert world.count("errors") > 50
    assert world.node(0) == (128, 0, PASSIVE)


def test_a_wire_that_breaks_under_a_frame_makes_its_sender_passive_at_once() -> None:
    world = World().send(A, 0).tell("connect", 0, at_us=31, on=False).advance(1000)
    assert world.changes() == [(31, 0, PASSIVE)]
    assert world.node(0) == (128, 0, PASSIVE)
    assert world.node(1) == (0, 1, ACTIVE)


def test_an_instant_that_was_reached_is_still_open() -> None:
    world = World().send(A, 10).advance(10).tell("power", 0, at_us=10, on=False).advance(1000)
    assert world.log() == []
    assert world.count("dropped") == 1


def test_power_ends_bus_off() -> None:
    world = World().tell("bus_off", 0).tell("power", 0, at_us=100, on=False).tell("power", 0, at_us=200, on=True)
    world.send(A, 200).advance(10_000)
    assert world.changes() == [(0, 0, BUS_OFF), (100, 0, OFF), (200, 0, ACTIVE)]
    assert world.log() == [(A, 200, 400, -1)]


def test_a_node_on_a_broken_wire_talks_to_nobody() -> None:
    world = World().tell("connect", 0, at_us=10, on=False).advance(11)
    assert world.node(0) == (0, 0, ACTIVE)
    world.send(A, 50).send(B, 50).advance(1000)
    assert world.changes() == [(50, 0, PASSIVE)]
    assert world.log() == [(B, 50, 250, -1)]
    assert world.engine.mailbox_time_ns[0, world.engine.network.box[:, B]].tolist() == [-1, -1, 244_000]
    world.tell("connect", 0, at_us=1000, on=True).advance(2000)
    assert world.log() == [(A, 1000, 1200, -1)]
    assert world.changes() == [(1194, 0, ACTIVE)]


def test_a_wrong_last_bit_is_wrong_for_the_sender_only() -> None:
    world = World().tell("invert", bit=0, frames=2).send(B, 0).advance(200)
    assert world.node(2) == (0, 2, ACTIVE)
    world.tell("invert", at_us=1000, bit=LAST_BIT).send(A, 1000).advance(1194)
    assert (world.node(0), world.node(2)) == ((8, 1, ACTIVE), (0, 0, ACTIVE))
    assert world.engine.mailbox_time_ns[0, world.engine.network.box[2, A]] == 1_194_000
    world.advance(5000)
    assert world.log()[-2:] == [(A, 1000, 1240, 96), (A, 1240, 1440, -1)]
    assert (world.count("frames"), world.count("errors")) == (1, 1)
    assert world.node(0)[0] == 7


def test_a_receiver_becomes_passive_and_the_next_success_ends_it() -> None:
    """A third node has to take over: the sender is bus-off after 32 errors."""
    world = World().tell("invert", bit=0, frames=128)
    for sender, start_us in ((A, 0), (C, 20_000), (A, 40_000), (C, 60_000)):
        world.send(sender, start_us)
    world.advance(70_000)
    assert world.node(1) == (0, 128, PASSIVE)
    world.send(A, 70_000).advance(80_000)
    assert world.node(1) == (0, 119, ACTIVE)


def test_take_changes_forgets() -> None:
    world = World().tell("power", 1, at_us=3, on=False).advance(4)
    assert world.engine.take_changes() == [Change(0, 3000, 1, OFF)]
    assert world.engine.take_changes() == []


def test_the_past_is_closed() -> None:
    world = World().advance(10)
    with pytest.raises(SimulationError, match="before the instant"):
        world.send(A, 9)
    with pytest.raises(SimulationError, match="before the instant"):
        world.tell("glitch", 0, at_us=9)


class Transport(World):
    """Two nodes with a channel, A carrying requests and B responses, and a node that listens."""

    def __init__(self, **options: Any) -> None:
        both = messages(0, 1, varying=True, depth=4)
        super().__init__(Network((Segment(),), nodes(), both, channels=(Channel(A, B, **options),)))

    def transfer(self, data: bytes, at_us: float = 0, link: int = 0) -> Self:
        self.engine.transfer(link, np.array([0]), _ns(at_us), [data])
        return self

    def ends(self) -> list[tuple[float, int, Outcome, bytes]]:
        return [(end.time_ns / US, end.link, end.outcome, end.data) for end in self.engine.take_transfers()]


def test_transfers_both_ways() -> None:
    world = Transport().transfer(b"there").transfer(b"back", link=1).transfer(b"again", 100)
    world.advance(1000)
    assert world.ends() == [
        (194, 0, Outcome.SENT, b""),
        (194, 0, Outcome.RECEIVED, b"there"),
        (394, 0, Outcome.SENT, b""),
        (394, 0, Outcome.RECEIVED, b"again"),
        (594, 1, Outcome.SENT, b""),
        (594, 1, Outcome.RECEIVED, b"back"),
    ]


def test_transfers_of_a_node_that_is_switched_off_are_lost() -> None:
    world = Transport().transfer(bytes(20)).transfer(b"next", 10).transfer(b"later", 2000).transfer(bytes(20), link=1)
    world.tell("power", 0, at_us=650, on=False).advance(3000)
    lost = [(650.0, 0, Outcome.LOST, b"")] * 2
    assert world.ends() == [
        *lost,
        (650, 1, Outcome.LOST, b""),
        (1194, 1, Outcome.SENT, b""),
        (2000, 0, Outcome.LOST, b""),
    ]


def test_a_transfer_is_confirmed_by_its_own_frame_only() -> None:
    """The first frame fails four times, is given up, and is sent and received all the same."""
    world = Transport(timeout_ns=500_000).transfer(b"one", 1).transfer(b"two", 2)
    world.tell("invert", bit=50, frames=4).advance(2000)
    assert world.ends() == [
        (501, 0, Outcome.NOT_SENT, b""),
        (787, 0, Outcome.RECEIVED, b"one"),
        (987, 0, Outcome.SENT, b""),
        (987, 0, Outcome.RECEIVED, b"two"),
    ]


def test_a_timer_is_forgotten_when_what_it_waits_for_comes() -> None:
    world = Transport(timeout_ns=450_000).transfer(bytes(100)).advance(20_000)
    assert [end[2] for end in world.ends()] == [Outcome.SENT, Outcome.RECEIVED]


def test_a_receiver_on_a_broken_wire_hears_nothing() -> None:
    world = (
        Transport(timeout_ns=1_000_000).tell("connect", 1, on=False).transfer(b"x").transfer(bytes(20)).advance(5000)
    )
    assert world.ends() == [(194, 0, Outcome.SENT, b""), (1394, 0, Outcome.NO_FLOW_CONTROL, b"")]
