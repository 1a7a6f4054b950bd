"""The state machines of ISO-TP: frame for frame and instant for instant, and what frames look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from twin.network.engines.iso_tp import (
    Answer,
    End,
    LinkReceiver,
    LinkSender,
    Release,
    filled,
    single_frame,
    stmin_byte,
    stmin_ns,
)
from twin.network.engines.records import Outcome
from twin.network.network import STMIN_MS_NS, STMIN_US_NS, Channel

TIMEOUT_NS = 1000
CLASSIC = Channel(0, 1, padding=None, timeout_ns=TIMEOUT_NS, separation_ns=7, flow_control_ns=3, buffer_bytes=5000)
TWENTY = bytes(range(20))
FF = bytes([0x10, 20]) + TWENTY[:6]
CF1 = b"\x21" + TWENTY[6:13]
CF2 = b"\x22" + TWENTY[13:]
ALL = bytes([0x30, 0, 0])
BLOCKS_OF_ONE = bytes([0x30, 1, 0])
WAIT = bytes([0x31, 0, 0])
STMIN_1_MS = bytes([0x30, 0, 1])

Step = tuple[str, tuple[Any, ...], Sequence[Answer], int | None]
"""Method, arguments, what it answers, the deadline afterwards."""


@dataclass(frozen=True)
class Case:
    name: str
    steps: Sequence[Step]
    message_bytes: int = 8
    channel: Channel = field(default=CLASSIC)


STARTED: Step = ("transfer", (10, TWENTY), [Release(10, FF)], 1010)
FIRST_SEEN: Step = ("confirmed", (100, 10), [], 1100)

SENDERS = [
    Case(
        "a single frame",
        [
            ("transfer", (10, b"abc"), [Release(10, b"\x03abc")], 1010),
            ("confirmed", (100, 10), [End(Outcome.SENT)], None),
        ],
    ),
    Case(
        "all consecutive frames in one block",
        [
            STARTED,
            FIRST_SEEN,
            ("flow_control", (200, ALL), [Release(207, CF1)], 1207),
            ("confirmed", (300, 210), [Release(307, CF2)], 1307),
            ("confirmed", (400, 310), [End(Outcome.SENT)], None),
        ],
    ),
    Case(
        "STmin counts from start to start, separation from the end",
        [
            STARTED,
            FIRST_SEEN,
            ("flow_control", (200, STMIN_1_MS), [Release(207, CF1)], 1207),
            ("confirmed", (300, 210), [Release(1_000_210, CF2)], 1_001_210),
        ],
    ),
    Case(
        "blocks of one",
        [
            STARTED,
            FIRST_SEEN,
            ("flow_control", (200, BLOCKS_OF_ONE), [Release(207, CF1)], 1207),
            ("confirmed", (300, 210), [], 1300),
            ("flow_control", (400, BLOCKS_OF_ONE), [Release(407, CF2)], 1407),
            ("confirmed", (500, 410), [End(Outcome.SENT)], None),
        ],
    ),
    Case(
        "transfers follow each other",
        [
            ("transfer", (10, b"a"), [Release(10, b"\x01a")], 1010),
            ("transfer", (20, b"b"), [], 1010),
            ("confirmed", (100, 10), [End(Outcome.SENT), Release(100, b"\x01b")], 1100),
            ("expired", (1100,), [End(Outcome.NOT_SENT)], None),
        ],
    ),
    Case("a frame that does not get out", [STARTED, ("expired", (1010,), [End(Outcome.NOT_SENT)], None)]),
    Case("no flow control", [STARTED, FIRST_SEEN, ("expired", (1100,), [End(Outcome.NO_FLOW_CONTROL)], None)]),
    Case("overflow", [STARTED, FIRST_SEEN, ("flow_control", (200, b"\x32\0\0"), [End(Outcome.OVERFLOW)], None)]),
    Case(
        "an unknown status", [STARTED, FIRST_SEEN, ("flow_control", (200, b"\x33\0\0"), [End(Outcome.REFUSED)], None)]
    ),
    Case(
        "ten waits, and an eleventh",
        [
            STARTED,
            FIRST_SEEN,
            *(("flow_control", (200 + time, WAIT), [], 1200 + time) for time in range(10)),
            ("flow_control", (300, WAIT), [End(Outcome.REFUSED)], None),
        ],
    ),
    Case(
        "ten waits in a row, twice",
        [
            STARTED,
            FIRST_SEEN,
            *(("flow_control", (200 + time, WAIT), [], 1200 + time) for time in range(10)),
            ("flow_control", (300, BLOCKS_OF_ONE), [Release(307, CF1)], 1307),
            ("confirmed", (400, 310), [], 1400),
            *(("flow_control", (500 + time, WAIT), [], 1500 + time) for time in range(10)),
            ("flow_control", (600, ALL), [Release(607, CF2)], 1607),
        ],
    ),
    Case(
        "flow control that is not awaited, or none",
        [
            ("flow_control", (5, ALL), [], None),
            STARTED,
            ("flow_control", (50, ALL), [], 1010),
            FIRST_SEEN,
            ("flow_control", (200, b"\x30\0"), [], 1100),
            ("flow_control", (200, b"\x21\0\0"), [], 1100),
            ("flow_control", (200, b""), [], 1100),
        ],
    ),
    Case(
        "lost with all that waits",
        [
            STARTED,
            ("transfer", (20, b"b"), [], 1010),
            ("lost", (), [End(Outcome.LOST)] * 2, None),
            ("lost", (), [], None),
            ("confirmed", (100, 10), [], None),
        ],
    ),
    Case(
        "more than 4095 bytes",
        [
            ("transfer", (0, bytes(4096)), [Release(0, b"\x10\0\0\0\x10\0\0\0")], 1000),
            ("confirmed", (100, 0), [], 1100),
            ("flow_control", (200, ALL), [Release(207, b"\x21" + bytes(7))], 1207),
        ],
    ),
    Case("4095 bytes", [("transfer", (0, bytes(4095)), [Release(0, b"\x1f\xff" + bytes(6))], 1000)]),
    Case(
        "CAN FD",
        [
            ("transfer", (0, bytes(70)), [Release(0, b"\x10\x46" + bytes(62))], 1000),
            ("confirmed", (100, 0), [], 1100),
            ("flow_control", (200, ALL), [Release(207, b"\x21" + bytes(8) + b"\xcc" * 3)], 1207),
        ],
        message_bytes=64,
    ),
]


def test_consecutive_frames_count_to_15_and_go_on_at_0() -> None:
    sender = LinkSender(CLASSIC, 8)
    sender.transfer(0, bytes(200))
    sender.confirmed(100, 0)
    answers = [*sender.flow_control(200, ALL)]
    while isinstance(answers[-1], Release):
        answers += sender.confirmed(answers[-1].time_ns + 10, answers[-1].time_ns)
    firsts = [answer.frame[0] for answer in answers if isinstance(answer, Release)]
    assert firsts == [*range(0x21, 0x30), *range(0x20, 0x2D)]


RELEASED_ALL: Sequence[Answer] = [Release(103, ALL)]
BEGUN: Step = ("heard", (100, FF), RELEASED_ALL, 1103)

RECEIVERS = [
    Case("a single frame", [("heard", (5, b"\x03abc\xcc"), [End(Outcome.RECEIVED, b"abc")], None)]),
    Case(
        "a transfer",
        [
            BEGUN,
            ("heard", (200, CF1), [], 1200),
            ("heard", (300, CF2 + b"\xcc"), [End(Outcome.RECEIVED, TWENTY)], None),
        ],
    ),
    Case(
        "blocks of one, with STmin",
        [
            ("heard", (100, FF), [Release(103, b"\x30\x01\x05")], 1103),
            ("heard", (200, CF1), [Release(203, b"\x30\x01\x05")], 1203),
            ("heard", (300, CF2), [End(Outcome.RECEIVED, TWENTY)], None),
        ],
        channel=Channel(0, 1, 1, 5_000_000, padding=None, flow_control_ns=3, timeout_ns=1000),
    ),
    Case("in vain", [BEGUN, ("expired", (1103,), [End(Outcome.NO_CONSECUTIVE_FRAME)], None)]),
    Case(
        "out of sequence",
        [
            BEGUN,
            ("heard", (200, CF2), [End(Outcome.OUT_OF_SEQUENCE)], None),
            ("heard", (300, CF1), [], None),
        ],
    ),
    Case(
        "a frame that comes twice",
        [BEGUN, ("heard", (200, CF1), [], 1200), ("heard", (300, CF1), [End(Outcome.OUT_OF_SEQUENCE)], None)],
    ),
    Case(
        "interrupted by a single frame",
        [BEGUN, ("heard", (200, b"\x01a"), [End(Outcome.INTERRUPTED), End(Outcome.RECEIVED, b"a")], None)],
    ),
    Case(
        "interrupted by a first frame",
        [BEGUN, ("heard", (200, FF), [End(Outcome.INTERRUPTED), Release(203, ALL)], 1203)],
    ),
    Case(
        "too long for the buffer",
        [
            ("heard", (100, b"\x10\0\0\0\x13\x89\0\0"), [Release(103, b"\x32\0\0")], None),
            ("heard", (200, b"\x21" + bytes(7)), [], None),
            ("heard", (300, b"\x10\0\0\0\x13\x88\0\0"), [Release(303, ALL)], 1303),
        ],
    ),
    Case("lost", [BEGUN, ("lost", (), [End(Outcome.LOST)], None), ("lost", (), [], None)]),
    Case(
        "frames that are none, or too short",
        [
            *(
                ("heard", (5, frame), [], None)
                for frame in (
                    b"",
                    b"\0",
                    b"\0\x02ab",  # the long form in a short frame
                    b"\x03ab",
                    b"\x08abcdefg",
                    b"\x03" + bytes(11),  # the short form in a long frame
                    b"\0\x0b" + bytes(10),
                    b"\x10\x09" + bytes(5),
                    b"\x10\x06" + bytes(6),
                    b"\x10\0\0\0\0\x02" + bytes(2),
                    b"\x10\0\0\0\x0f\xff" + bytes(2),  # the long length where the short one would do
                    b"\x21abc",
                    b"\x30\0\0",
                    b"\x40\0\0",
                )
            ),
            BEGUN,
            ("heard", (150, b"\x21"), [], 1103),
        ],
    ),
    Case(
        "short consecutive frames",
        [
            BEGUN,
            *(("heard", (200, bytes([0x20 | place % 16, TWENTY[5 + place]])), [], 1200) for place in range(1, 14)),
            ("heard", (300, bytes([0x2E, TWENTY[19]])), [End(Outcome.RECEIVED, TWENTY)], None),
        ],
    ),
    Case("CAN FD single frame", [("heard", (5, b"\0\x0a" + bytes(10)), [End(Outcome.RECEIVED, bytes(10))], None)]),
    Case(
        "CAN FD transfer",
        [
            ("heard", (100, b"\x10\x46" + bytes(62)), RELEASED_ALL, 1103),
            ("heard", (200, b"\x21" + bytes(11)), [End(Outcome.RECEIVED, bytes(70))], None),
        ],
    ),
]


def _take(machine: LinkSender | LinkReceiver, steps: Sequence[Step]) -> None:
    for number, (method, arguments, answers, deadline_ns) in enumerate(steps):
        found = getattr(machine, method)(*arguments)
        assert (number, found, machine.deadline_ns) == (number, [*answers], deadline_ns)


@pytest.mark.parametrize("case", SENDERS, ids=[case.name for case in SENDERS])
def test_sender(case: Case) -> None:
    _take(LinkSender(case.channel, case.message_bytes), case.steps)


@pytest.mark.parametrize("case", RECEIVERS, ids=[case.name for case in RECEIVERS])
def test_receiver(case: Case) -> None:
    _take(LinkReceiver(case.channel), case.steps)


@pytest.mark.parametrize(
    ("data", "message_bytes", "padding", "frame"),
    [
        (b"a", 8, None, b"\x01a"),
        (b"a", 8, 0x55, b"\x01a" + b"\x55" * 6),
        (bytes(7), 64, 0x55, b"\x07" + bytes(7)),
        (bytes(8), 8, None, None),
        (bytes(8), 64, None, b"\0\x08" + bytes(8) + b"\xcc" * 2),
        (bytes(8), 64, 0x55, b"\0\x08" + bytes(8) + b"\x55" * 2),
        (bytes(10), 12, None, b"\0\x0a" + bytes(10)),
        (bytes(11), 12, None, None),
        (bytes(62), 64, None, b"\0\x3e" + bytes(62)),
        (bytes(63), 64, None, None),
    ],
)
def test_single_frames(data: bytes, message_bytes: int, padding: int | None, frame: bytes | None) -> None:
    assert single_frame(data, message_bytes, padding) == frame


@pytest.mark.parametrize(
    ("length", "padding", "filled_bytes"),
    [(3, None, 3), (3, 0, 8), (8, None, 8), (9, None, 12), (33, 0, 48), (64, 0, 64)],
)
def test_frames_are_filled_to_lengths_that_exist(length: int, padding: int | None, filled_bytes: int) -> None:
    assert filled(bytes(length), padding) == bytes(length).ljust(filled_bytes, b"\xcc" if padding is None else b"\0")


def test_stmin_bytes() -> None:
    for time_ns in (*STMIN_MS_NS, *STMIN_US_NS):
        assert stmin_ns(stmin_byte(time_ns)) == time_ns
    assert [stmin_byte(time_ns) for time_ns in (0, 127_000_000, 100_000, 900_000)] == [0, 0x7F, 0xF1, 0xF9]
    assert {stmin_ns(byte) for byte in (0x80, 0xF0, 0xFA, 0xFF)} == {127_000_000}
