"""The bridge to real interfaces, over python-can's virtual one: what crosses, when, and what does not."""

from __future__ import annotations

import time
from collections.abc import Iterator

import can
import numpy as np
import pytest

from twin.network.bridge import Bridge, Crossings, EngineBus
from twin.network.engines.engine import Engine
from twin.network.engines.simpy import SimpyEngine
from twin.network.frames.bits import frame_bits
from twin.network.network import Filter, Message, Network, Node, Segment

MS_NS = 1_000_000
ECU, OUTSIDE = 0, 1
NETWORK = Network(
    segments=(Segment(bitrate_bit_s=500_000.0),),
    nodes=(Node("ecu", accepts=(Filter(0, 0), Filter(0, 0, extended=True))), Node("outside", accepts=(Filter(0, 0),))),
    messages=(
        Message("status", 0x100, 8, ECU),
        Message("command", 0x200, 2, OUTSIDE),
        Message("diagnosis", 0x18DA00F1, 8, OUTSIDE, extended=True, varying=True),
    ),
)
STATUS = bytes(range(8))


@pytest.fixture
def engine() -> Engine:
    engine = SimpyEngine(NETWORK, 2, logged=[1])
    row = np.array([1])
    payload = np.frombuffer(STATUS, np.uint8)[None, :]
    engine.cycle(0, row, np.array([0]), np.array([10 * MS_NS]), payload)
    return engine


@pytest.fixture
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[can.BusABC, can.BusABC]]:
    """The interface of the bridge, and the real ECU's on the same wire."""
    name = request.node.name
    with can.Bus(name, interface="virtual") as interface, can.Bus(name, interface="virtual") as peer:
        yield interface, peer


def _received(bus: can.BusABC) -> list[can.Message]:
    return [*iter(lambda: bus.recv(timeout=0), None)]


def test_frames_go_out_once_they_are_seen(engine: Engine, ends: tuple[can.BusABC, can.BusABC]) -> None:
    interface, peer = ends
    bridge = Bridge(EngineBus(engine, OUTSIDE, site=1), interface)
    seen_ns = (frame_bits(0x100, STATUS).nominal_bits - 3) * 2000
    bridge.step(seen_ns - 1)
    assert _received(peer) == []
    bridge.step(seen_ns)
    (message,) = _received(peer)
    assert (message.arbitration_id, message.is_extended_id, bytes(message.data)) == (0x100, False, STATUS)
    bridge.step(25 * MS_NS)
    assert len(_received(peer)) == 2
    assert bridge.crossings == Crossings(sent=3)


def test_frames_come_in_as_the_outside_nodes(engine: Engine, ends: tuple[can.BusABC, can.BusABC]) -> None:
    interface, peer = ends
    bridge = Bridge(EngineBus(engine, OUTSIDE, site=1), interface)
    peer.send(can.Message(arbitration_id=0x200, is_extended_id=False, data=b"\x01\x02"))
    peer.send(can.Message(arbitration_id=0x18DA00F1, is_extended_id=True, data=b"\x02\x10\x02"))
    bridge.step(5 * MS_NS)
    bridge.step(9 * MS_NS)
    command = NETWORK.box[ECU, 1]
    duration_ns = (frame_bits(0x200, b"\x01\x02").nominal_bits - 3) * 2000
    assert engine.mailbox_time_ns[1, command] == 5 * MS_NS + duration_ns
    assert engine.mailbox_payload[1, command, :2].tobytes() == b"\x01\x02"
    assert engine.mailbox_payload[1, NETWORK.box[ECU, 2], :3].tobytes() == b"\x02\x10\x02"
    assert (engine.mailbox_time_ns[0] == -1).all(), "the other site has none of it"
    engine.send(1, np.array([0]), np.array([0]), np.zeros((1, 2), np.uint8))  # and is still at its beginning
    assert [message.arbitration_id for message in _received(peer)] == [0x100], "what came in does not go out again"
    assert bridge.crossings == Crossings(sent=1, received=2)


def test_what_the_outside_node_does_not_send_is_counted(engine: Engine, ends: tuple[can.BusABC, can.BusABC]) -> None:
    interface, peer = ends
    bridge = Bridge(EngineBus(engine, OUTSIDE, site=1), interface)
    peer.send(can.Message(arbitration_id=0x300, is_extended_id=False))
    peer.send(can.Message(arbitration_id=0x100, is_extended_id=False, data=STATUS))  # the ECU's own
    peer.send(can.Message(arbitration_id=0x200, is_extended_id=False, data=b"\x01\x02\x03"))  # too long
    peer.send(can.Message(arbitration_id=0x200, is_extended_id=True, data=b"\x01\x02"))
    bridge.step(MS_NS)
    assert bridge.crossings == Crossings(sent=1, unknown=4)


def test_time_is_real(engine: Engine, ends: tuple[can.BusABC, can.BusABC]) -> None:
    interface, peer = ends
    bridge = Bridge(EngineBus(engine, OUTSIDE, site=1), interface)
    peer.send(can.Message(arbitration_id=0x200, is_extended_id=False, data=b"\x01\x02"))
    started_ns = time.monotonic_ns()
    crossings = bridge.run(45 * MS_NS)
    assert time.monotonic_ns() - started_ns >= 45 * MS_NS
    assert len(_received(peer)) == crossings.sent == 5
    assert crossings.received == 1


def test_lateness_is_told(engine: Engine, ends: tuple[can.BusABC, can.BusABC]) -> None:
    """A machine that stalls for 30 ms in the middle."""
    instants_ns = iter([0, 0, 0, MS_NS, MS_NS, 32 * MS_NS, 50 * MS_NS, 50 * MS_NS])
    bridge = Bridge(EngineBus(engine, OUTSIDE, site=1), ends[0])
    crossings = bridge.run(40 * MS_NS, clock=lambda: next(instants_ns))
    assert crossings.late_ns == 30 * MS_NS
    assert crossings.sent == 4
