"""can-isotp, which others wrote, is the peer of our transfers on simulated buses, and sends the same frames as they do.

Its clock is replaced by simulated time. Two things differ by design: it also waits STmin before the first consecutive
frame of a block, and its timers end a nanosecond after their time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from unittest.mock import patch

import isotp
import numpy as np
import pytest
from isotp.protocol import TransportLayerLogic

from twin.network.engines.engine import Engine
from twin.network.engines.records import Frame, Outcome, Transfer
from twin.network.engines.registry import ENGINES
from twin.network.frames.bits import INTERFRAME_BITS, frame_bits
from twin.network.network import Channel, Message, Network, Node, Segment

EACH_ENGINE = pytest.mark.parametrize("kind", ENGINES.values(), ids=ENGINES)
US, MS, S = 1_000, 1_000_000, 1_000_000_000
BITRATE_BIT_S, DATA_BITRATE_BIT_S = 500_000.0, 2_000_000.0
TESTER, ECU = 0, 1
"""Nodes, and the messages that they send."""
IDENTIFIERS = (0x7E0, 0x7E8)
LENGTHS = (1, 7, 8, 62, 4095, 5000)


@dataclass(frozen=True)
class Case:
    """How a transfer is made."""

    fd: bool = False
    block_size: int = 0
    stmin_ms: int = 0
    padding: int | None = None

    def __str__(self) -> str:
        kind = "FD" if self.fd else "classic"
        padding = "bare" if self.padding is None else "padded"
        return f"{kind}-BS{self.block_size}-STmin{self.stmin_ms}-{padding}"


CASES = [
    Case(fd, block_size, stmin_ms, padding)
    for fd in (False, True)
    for block_size in (0, 1, 8)
    for stmin_ms in (0, 1)
    for padding in (None, 0xAA)
]
EACH_CASE = pytest.mark.parametrize("case", CASES, ids=str)
SOME_CASES = pytest.mark.parametrize("case", [CASES[0], CASES[6], CASES[9], CASES[12], CASES[19], CASES[20]], ids=str)


def content(length: int) -> bytes:
    return bytes(place * 31 % 256 for place in range(length))


@dataclass
class Clock:
    """Simulated time, where can-isotp looks for the machine's."""

    now_ns: int = 0

    def perf_counter_ns(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    with patch("isotp.tools.time", clock):
        yield clock


@dataclass
class Peer:
    """A can-isotp stack at one end: what it hears is put into ``heard``, what it says is taken from ``said``."""

    end: int
    case: Case
    heard: list[bytes] = field(default_factory=list)
    said: list[bytes] = field(default_factory=list)
    stack: TransportLayerLogic = field(init=False)

    def __post_init__(self) -> None:
        own, other = IDENTIFIERS[self.end], IDENTIFIERS[1 - self.end]
        parameters = {
            "blocksize": self.case.block_size,
            "stmin": self.case.stmin_ms,
            "tx_padding": self.case.padding,
            "tx_data_length": 64 if self.case.fd else 8,
            "tx_data_min_length": 8 if self.case.fd and self.case.padding is not None else None,
            "can_fd": self.case.fd,
            "max_frame_size": 1 << 20,
        }
        self.stack = TransportLayerLogic(
            rxfn=lambda _timeout: self._next(other),
            txfn=lambda message: self.said.append(bytes(message.data)),
            address=isotp.Address(isotp.AddressingMode.Normal_11bits, txid=own, rxid=other),
            error_handler=self._fail,
            params=parameters,
        )

    def _next(self, identifier: int) -> isotp.CanMessage | None:
        if not self.heard:
            return None
        return isotp.CanMessage(identifier, data=self.heard.pop(0), is_fd=self.case.fd)

    def _fail(self, error: Exception) -> None:
        raise AssertionError(error)

    def process(self) -> list[bytes]:
        """Let it look at what it has heard, and return what it says."""
        self.stack.process()
        said, self.said = self.said, []
        return said

    def received(self) -> bytes:
        """Return what has been transferred to it."""
        return bytes(self.stack.recv() or b"")

    def due_ns(self) -> int | None:
        """In how many ns it will go on by itself; None: it waits for a frame, or has nothing to do."""
        if not self.stack.is_tx_transmitting_cf():
            return None
        return self.stack.timer_tx_stmin.remaining_ns() + 1


@dataclass(frozen=True)
class Sent:
    """A frame as it was on a bus."""

    end: int
    data: bytes
    start_ns: int


def durations_ns(end: int, data: bytes, fd: bool) -> tuple[int, int]:
    """Return how long a frame takes until it is seen, and until the bus is idle."""
    bits = frame_bits(IDENTIFIERS[end], data, fd=fd, bit_rate_switch=fd)
    data_ns = bits.data_bits * 1e9 / DATA_BITRATE_BIT_S
    seen, idle = (
        round(count * 1e9 / BITRATE_BIT_S + data_ns)
        for count in (bits.nominal_bits - INTERFRAME_BITS, bits.nominal_bits)
    )
    return seen, idle


@dataclass
class PerfectBus:
    """Two can-isotp stacks on a bus that carries their frames one after another."""

    clock: Clock
    peers: tuple[Peer, Peer]
    fd: bool
    waiting: tuple[list[bytes], list[bytes]] = field(default_factory=lambda: ([], []))
    sent: list[Sent] = field(default_factory=list)
    seen_ns: int | None = None
    idle_ns: int = 0

    def run(self) -> None:
        """Go on from event to event until nothing more will happen."""
        while True:
            self._step()
            coming_ns = [self.clock.now_ns + due for due in (peer.due_ns() for peer in self.peers) if due is not None]
            coming_ns += [] if self.seen_ns is None else [self.seen_ns]
            coming_ns += [self.idle_ns] if any(self.waiting) else []
            if not coming_ns:
                return
            self.clock.now_ns = max(min(coming_ns), self.clock.now_ns)

    def _step(self) -> None:
        if self.seen_ns == self.clock.now_ns:
            self.peers[1 - self.sent[-1].end].heard.append(self.sent[-1].data)
            self.seen_ns = None
        for peer in self.peers:
            self.waiting[peer.end].extend(peer.process())
        if any(self.waiting) and self.clock.now_ns >= self.idle_ns:
            end = TESTER if self.waiting[TESTER] else ECU
            frame = Sent(end, self.waiting[end].pop(0), self.clock.now_ns)
            self.sent.append(frame)
            self.seen_ns, self.idle_ns = (frame.start_ns + part for part in durations_ns(end, frame.data, self.fd))


@cache
def expected(case: Case, length: int) -> tuple[Sent, ...]:
    """Return the frames of a transfer between two can-isotp stacks."""
    clock = Clock()
    with patch("isotp.tools.time", clock):
        peers = Peer(TESTER, case), Peer(ECU, case)
        bus = PerfectBus(clock, peers, case.fd)
        peers[TESTER].stack.send(content(length))
        bus.run()
        assert peers[ECU].received() == content(length)
    return tuple(bus.sent)


def bus_of(kind: type[Engine], case: Case, *, flow_control_ns: int = 0, others: int = 0) -> Engine:
    """Return a site with a channel from TESTER to ECU, and other traffic of higher priority."""
    messages = [
        Message(
            name,
            identifier,
            64 if case.fd else 8,
            node=end,
            fd=case.fd,
            bit_rate_switch=case.fd,
            depth=1_000,
            varying=True,
        )
        for end, (name, identifier) in enumerate(zip(("Request", "Response"), IDENTIFIERS, strict=True))
    ]
    messages += [Message(f"Other{index}", 0x100 + index, 8, node=2) for index in range(others)]
    channel = Channel(
        0,
        1,
        block_size=case.block_size,
        stmin_ns=case.stmin_ms * MS,
        padding=case.padding,
        flow_control_ns=flow_control_ns,
    )
    nodes = (Node("tester"), Node("ecu"), Node("others"))
    segment = Segment("can", BITRATE_BIT_S, DATA_BITRATE_BIT_S)
    engine = kind(Network((segment,), nodes, tuple(messages), channels=(channel,)), 1, logged=[0])
    for index in range(others):
        period_ns = np.array([1_700_000 + 400_000 * index])
        engine.cycle(2 + index, np.array([0]), np.array([0]), period_ns, np.full((1, 8), 0x55, np.uint8))
    return engine


def of_ends(frames: Sequence[Frame]) -> list[Sent]:
    return [Sent(frame.message, frame.data, frame.start_ns) for frame in frames if frame.message in (TESTER, ECU)]


def gaps_ns(frames: Sequence[Sent]) -> list[int]:
    """Return the times between starts of consecutive frames, those behind a flow control left out."""
    pairs = pairwise(frames)
    return [after.start_ns - before.start_ns for before, after in pairs if before.end == after.end == TESTER]


@EACH_ENGINE
@EACH_CASE
def test_a_transfer_is_made_of_the_same_frames(kind: type[Engine], case: Case) -> None:
    for length in LENGTHS:
        engine = bus_of(kind, case)
        engine.transfer(0, np.array([0]), np.array([0]), [content(length)])
        engine.advance(np.array([20 * S]))
        received, sent = sorted(engine.take_transfers(), key=lambda one: -one.outcome)
        assert (received.outcome, received.data, sent.outcome) == (Outcome.RECEIVED, content(length), Outcome.SENT)
        found, judged = of_ends(list(engine.take_log(0))), expected(case, length)
        assert [(one.end, one.data) for one in found] == [(one.end, one.data) for one in judged]
        if case.stmin_ms == 0:
            assert found == list(judged)
        else:
            assert np.abs(np.subtract(gaps_ns(found), gaps_ns(judged))).max(initial=0) <= 1


def converse(engine: Engine, peer: Peer, clock: Clock, until: Callable[[], bool]) -> list[Sent]:
    """Let a peer stand for the end of its node, as a task of 100 us, until a condition holds; return all frames."""
    frames: list[Sent] = []
    row = np.array([0])
    while not until():
        clock.now_ns += 100 * US
        assert clock.now_ns < 20 * S
        engine.advance(np.array([clock.now_ns]))
        fresh = of_ends(list(engine.take_log(0)))
        frames += fresh
        peer.heard += [frame.data for frame in fresh if frame.end != peer.end]
        for data in peer.process():
            payload = np.frombuffer(data, np.uint8)[None]
            engine.send(peer.end, row, np.array([clock.now_ns]), payload, length=len(data))
    return frames


@EACH_ENGINE
@SOME_CASES
@pytest.mark.parametrize("length", [7, 62, 1000])
def test_it_sends_and_we_receive(kind: type[Engine], case: Case, length: int, clock: Clock) -> None:
    engine, peer = bus_of(kind, case, others=3), Peer(TESTER, case)
    peer.stack.send(content(length))
    transfers: list[Transfer] = []

    def received() -> bool:
        transfers.extend(one for one in engine.take_transfers() if one.outcome == Outcome.RECEIVED)
        return bool(transfers)

    frames = converse(engine, peer, clock, received)
    assert transfers[0].data == content(length)
    assert [(one.end, one.data) for one in frames] == [(one.end, one.data) for one in expected(case, length)]


@EACH_ENGINE
@SOME_CASES
@pytest.mark.parametrize("length", [7, 62, 1000])
def test_we_send_and_it_receives(kind: type[Engine], case: Case, length: int, clock: Clock) -> None:
    """Our own receiver, which every channel has, keeps its flow control back for longer than this takes."""
    engine, peer = bus_of(kind, case, flow_control_ns=100 * S, others=3), Peer(ECU, case)
    engine.transfer(0, np.array([0]), np.array([0]), [content(length)])
    frames = converse(engine, peer, clock, peer.stack.available)
    assert peer.received() == content(length)
    assert [(one.end, one.data) for one in frames] == [(one.end, one.data) for one in expected(case, length)]
    assert all(gap_ns >= case.stmin_ms * MS for gap_ns in gaps_ns(frames))


@EACH_ENGINE
@pytest.mark.parametrize("fd", [False, True], ids=["classic", "FD"])
def test_both_directions_at_once(kind: type[Engine], fd: bool, clock: Clock) -> None:
    """Both ends of one channel are busy: with it as the peer of both of our ends' transfers."""
    case = Case(fd, block_size=4)
    engine, peer = bus_of(kind, case, others=3), Peer(TESTER, case)
    engine.transfer(1, np.array([0]), np.array([0]), [content(700)])
    peer.stack.send(content(900))
    transfers: list[bytes] = []

    def done() -> bool:
        transfers.extend(one.data for one in engine.take_transfers() if one.outcome == Outcome.RECEIVED)
        return len(transfers) == 2 and peer.stack.available()

    converse(engine, peer, clock, done)
    assert sorted(transfers) == sorted([content(700), content(900)])
    assert peer.received() == content(700)
