"""Error counters, states and recovery follow the rules that ISO 11898-1 states (``can/can_error_rules.json``).

All nodes of these engines see the same errors, so no receiver is the first to see one: its REC never rises by 8.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twin.network.engines.engine import Engine
from twin.network.engines.records import NodeState
from twin.network.engines.registry import ENGINES
from twin.network.frames.bits import FrameFormat, frame_bits
from twin.network.frames.wire import error_flag_bits, wire_frame
from twin.network.network import Message, Network, Node, Segment

EACH_ENGINE = pytest.mark.parametrize("kind", ENGINES.values(), ids=ENGINES)
RULES: dict[str, Any] = json.loads((Path(__file__).parent / "can" / "can_error_rules.json").read_text())
COUNTERS = {rule["event"]: rule for rule in RULES["counters"]}
CONSEQUENCES = RULES["consequences"]
ERROR_FRAME = "error_frame_bits_incl_ifs"
SENDER, RECEIVER, THIRD = range(3)
PAYLOAD = b"\x12\x34\x56\x78\x9a\xbc\xde\xf0"
BIT_NS = 2000
LONG_NS = 100_000_000


class Bus:
    """One site with a segment of 500 kbit/s and three nodes, each with one message of the same content."""

    def __init__(self, kind: type[Engine], bitrate_bit_s: float = 500_000.0) -> None:
        messages = tuple(Message(f"M{index}", 0x123 + index, 8, index) for index in range(3))
        network = Network((Segment(bitrate_bit_s=bitrate_bit_s),), tuple(Node(f"N{i}") for i in range(3)), messages)
        self.engine = kind(network, 1, logged=[0])
        self.now_ns = np.zeros(1, np.int64)

    def send(self, node: int = SENDER, *, after_ns: int = 0) -> Bus:
        self.engine.send(node, np.array([0]), self.now_ns + after_ns, np.frombuffer(PAYLOAD, np.uint8)[None])
        return self

    def invert(self, frames: int, bit: int = 30) -> Bus:
        self.engine.invert(np.array([0]), self.now_ns, bit=bit, frames=frames)
        return self

    def leave_alone(self) -> Bus:
        for node in (RECEIVER, THIRD):
            self.engine.power(node, np.array([0]), self.now_ns, on=False)
        return self

    def advance(self, duration_ns: int = LONG_NS) -> Bus:
        self.now_ns = self.now_ns + duration_ns
        self.engine.advance(self.now_ns)
        return self

    def until_errors(self, count: int) -> Bus:
        """Advance until so many attempts have failed."""
        while self.engine.statistics.errors.sum() < count:
            self.advance(1000)
        return self

    @property
    def tec(self) -> list[int]:
        return [int(count) for count in self.engine.nodes.tec[0]]

    @property
    def rec(self) -> list[int]:
        return [int(count) for count in self.engine.nodes.rec[0]]

    def state(self, node: int = SENDER) -> str:
        return NodeState(int(self.engine.nodes.state[0, node])).name


@EACH_ENGINE
def test_a_sender_counts_8_and_a_receiver_1(kind: type[Engine]) -> None:
    bus = Bus(kind).invert(1).send().until_errors(1)
    assert bus.tec == [int(COUNTERS["sender"]["TEC"]), 0, 0]
    error = int(COUNTERS["receiver, secondary error"]["REC"])
    assert bus.rec == [0, error, error]


@EACH_ENGINE
def test_a_passive_sender_does_not_count_a_missing_acknowledgement(kind: type[Engine]) -> None:
    assert COUNTERS["sender"]["except"] == "error-passive sender with ACK error"
    bus = Bus(kind).leave_alone().send().advance()
    assert bus.engine.statistics.errors[0, 0] > 100
    assert (bus.tec[SENDER], bus.state()) == (128, "ERROR_PASSIVE")
    bus.invert(1).until_errors(int(bus.engine.statistics.errors[0, 0]) + 2)
    assert bus.tec[SENDER] == 136


@EACH_ENGINE
def test_successes_count_down_to_0(kind: type[Engine]) -> None:
    assert COUNTERS["Confirm at sender"]["TEC"] == "-1 (min 0)"
    assert COUNTERS["frame received"]["REC"].startswith("-1")
    bus = Bus(kind).invert(1).send().advance()
    assert (bus.tec, bus.rec) == ([7, 0, 0], [0, 0, 0])
    for left in (6, 5, 4, 3, 2, 1, 0, 0):
        assert bus.send().advance().tec == [left, 0, 0]


@EACH_ENGINE
def test_a_passive_receiver_is_active_after_a_frame(kind: type[Engine]) -> None:
    """Four senders' bus-offs are 128 errors; what a frame then makes of the REC lies in the range that is allowed."""
    bus = Bus(kind).invert(128)
    for sender in (SENDER, THIRD, SENDER, THIRD):
        bus.send(sender).advance()
    assert bus.rec[RECEIVER] == 128
    assert bus.state(RECEIVER) == "ERROR_PASSIVE"
    bus.send().advance()
    found = re.fullmatch(r"-1; if >127 set to a value in (\d+)..(\d+)", COUNTERS["frame received"]["REC"])
    assert found is not None
    assert int(found[1]) <= bus.rec[RECEIVER] <= int(found[2])
    assert bus.state(RECEIVER) == "ERROR_ACTIVE"


@EACH_ENGINE
def test_states_and_the_errors_that_lead_to_them(kind: type[Engine]) -> None:
    bounds = {state: [int(bound) for bound in re.findall(r"\d+", rule)] for state, rule in RULES["states"].items()}
    bus = Bus(kind).invert(CONSEQUENCES["consecutive_tx_errors_to_bus_off"]).send()
    for errors in range(1, CONSEQUENCES["consecutive_tx_errors_to_bus_off"] + 1):
        bus.until_errors(errors)
        tec = bus.tec[SENDER]
        assert tec == 8 * errors
        if tec > bounds["BUS_OFF"][0]:
            expected = "BUS_OFF"
        else:
            expected = "ERROR_PASSIVE" if tec > bounds["ERROR_PASSIVE"][0] else "ERROR_ACTIVE"
        assert bus.state() == expected
        assert (expected == "ERROR_ACTIVE") == (errors < CONSEQUENCES["consecutive_tx_errors_to_passive"])
    assert bus.state() == "BUS_OFF"


@EACH_ENGINE
@pytest.mark.parametrize(("bitrate_bit_s", "name"), [(125e3, "125k"), (250e3, "250k"), (500e3, "500k"), (1e6, "1M")])
def test_recovery_takes_1408_bits(kind: type[Engine], bitrate_bit_s: float, name: str) -> None:
    bus = Bus(kind, bitrate_bit_s)
    bus.engine.bus_off(SENDER, np.array([0]), bus.now_ns)
    bus.advance()
    gone, back = bus.engine.take_changes()
    assert (gone.state, back.state) == (NodeState.BUS_OFF, NodeState.ERROR_ACTIVE)
    assert back.time_ns - gone.time_ns == round(CONSEQUENCES["bus_off_recovery_ms"][name] * 1e6)
    assert back.time_ns - gone.time_ns == round(CONSEQUENCES["bus_off_recovery_bits"] * 1e9 / bitrate_bit_s)


@EACH_ENGINE
def test_error_frames_and_the_suspension_of_passive_senders(kind: type[Engine]) -> None:
    """Wherever the error is: flags, delimiter and interframe space take 17 to 31 bits, a passive sender waits more."""
    fewest, most = (int(bound) for bound in re.findall(r"(\d+)\.\.(\d+) \(flag", CONSEQUENCES[ERROR_FRAME])[0])
    wire = wire_frame(FrameFormat(0x123, 8), PAYLOAD)
    for bit in range(frame_bits(0x123, PAYLOAD).nominal_bits - 3):
        bus = Bus(kind).invert(20, bit).send().advance(20_000_000)
        starts_ns = bus.engine.take_log(0).start_ns
        starts_bit = (starts_ns // BIT_NS).tolist()
        after_error = [after - before - bit - 1 for before, after in pairwise(starts_bit)][:20]
        active = error_flag_bits(wire, bit, sender_passive=False) + 8 + 3
        passive = error_flag_bits(wire, bit, sender_passive=True) + 8 + 3
        suspended = CONSEQUENCES["suspend_transmission_bits"]
        assert after_error == [active] * 15 + [active + suspended] + [passive + suspended] * 4
        assert fewest <= active <= most - suspended
        assert fewest <= passive <= most - suspended
