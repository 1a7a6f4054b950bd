"""Frames on the wire: as long as the counted ones, never a run that stuffing should have broken, and error flags."""

from __future__ import annotations

from collections.abc import Generator
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.random_frames import frames
from twin.network.frames.bits import FD_LENGTHS, INTERFRAME_BITS, FrameFormat, formatted_bits
from twin.network.frames.wire import WireFrame, error_flag_bits, wire_frame

Frame = tuple[FrameFormat, bytes]
Node = Generator[int, int, None]
"""Drives a level, and is sent what is on the bus; ends with its error flag."""
Field = Generator[int, int, int]


@settings(max_examples=400, deadline=None)
@given(frames())
def test_as_long_as_counted(frame: Frame) -> None:
    wire, bits = wire_frame(*frame), formatted_bits(*frame)
    assert len(wire.levels) + INTERFRAME_BITS == bits.nominal_bits + bits.data_bits
    assert wire.data_end - wire.data_start == bits.data_bits


@settings(max_examples=200, deadline=None)
@given(frames())
def test_stuffing_breaks_every_run(frame: Frame) -> None:
    wire = wire_frame(*frame)
    assert longest_run(wire.levels[: wire.crc_end]) <= 5
    assert wire.levels[wire.crc_end :] == bytes([1, 0, 1, 1, 1, 1, 1, 1, 1, 1])
    assert wire.ack_slot == wire.crc_end + 1


@settings(max_examples=600, deadline=None)
@given(frames(), st.booleans(), st.data())
def test_error_flags_are_those_of_nodes_that_watch_the_bus(
    frame: Frame, sender_passive: bool, data: st.DataObject
) -> None:
    wire = wire_frame(*frame)
    last = len(wire.levels) - 1
    bit = data.draw(
        st.one_of(*(st.integers(*ends) for ends in ((0, last), (12, 40), (wire.crc_end - 9, wire.crc_end))))
    )
    replayed = bits_until_flags_end(wire, bit, sender_passive)
    if wire.frame_format.bit_rate_switch and wire.data_start <= bit < wire.data_end:
        replayed = min(replayed, 7)  # the nodes below know one bit rate only
    if replayed == 13:  # a second error of the sender, in its error delimiter
        assert sender_passive
        assert bit > wire.crc_end - 10
        replayed = 12
    assert error_flag_bits(wire, bit, sender_passive=sender_passive) == replayed


class WrongLevelError(Exception):
    """What a receiver answers with an error flag, from the next bit on."""


def bits_until_flags_end(wire: WireFrame, wrong: int, sender_passive: bool) -> int:
    """A sender and two receivers, bit by bit, on a bus of which one bit is wrong for all."""
    nodes = [sender(wire, sender_passive), receiver(wire), receiver(wire)]
    driven = {node: next(node) for node in nodes}
    flags_end = 0
    for index in range(wrong + 20):
        level = min(driven.values(), default=1) ^ (index == wrong)
        for node in list(driven):
            try:
                driven[node] = node.send(level)
            except StopIteration:
                del driven[node]
                flags_end = index
    return flags_end - wrong


def sender(wire: WireFrame, passive: bool) -> Node:
    for index in count():
        if (yield wire.levels[index] if index != wire.ack_slot else 1) != wire.levels[index]:
            break
    if not passive:
        yield from dominant_flag()
        return
    seen = [2]
    while seen[-6:] not in ([0] * 6, [1] * 6):  # a passive flag is over with the sixth equal level
        seen.append((yield 1))


def receiver(wire: WireFrame) -> Node:
    heard: list[int] = []
    try:
        yield from stuffed_part(heard)
        correct = heard == [*wire.levels[: wire.crc_end]]  # a CRC that finds every error
        yield from expect(1, "CRC delimiter")
        yield from (expect(0, "own ACK", driven=0) if correct else expect(None, "ACK slot"))
        yield from expect(1, "ACK delimiter")
        if not correct:
            raise WrongLevelError("CRC")
        for _ in range(7):
            yield from expect(1, "end of frame")
    except WrongLevelError:
        yield from dominant_flag()


def stuffed_part(heard: list[int]) -> Node:
    """All that a receiver reads up to the CRC delimiter; it appends each level to ``heard``."""
    while (yield 1) == 1:
        pass
    heard.append(0)
    yield from number(heard, 11)
    remote = yield from number(heard, 1)
    extended = yield from number(heard, 1)
    if extended:
        yield from number(heard, 18)
        remote = yield from number(heard, 1)
    if (yield from number(heard, 1)):
        yield from number(heard, 3)  # res, BRS, ESI
        length = FD_LENGTHS[(yield from number(heard, 4))]
        yield from number(heard, 8 * length)
        yield from fixed_stuffed_field(heard, 4 + (17 if length <= 16 else 21))
        return
    if extended:
        yield from number(heard, 1)
    length = yield from number(heard, 4)
    yield from number(heard, 0 if remote else 8 * min(length, 8))
    yield from number(heard, 15)
    yield from stuff_bit_if_due(heard)


def number(heard: list[int], width: int) -> Field:
    value = 0
    for _ in range(width):
        yield from stuff_bit_if_due(heard)
        heard.append((yield 1))
        value = 2 * value + heard[-1]
    return value


def stuff_bit_if_due(heard: list[int]) -> Node:
    if heard[-5:] in ([0] * 5, [1] * 5):
        yield from stuff_bit(heard)


def fixed_stuffed_field(heard: list[int], width: int) -> Node:
    for place in range(width):
        if place % 4 == 0:
            yield from stuff_bit(heard)
        heard.append((yield 1))


def stuff_bit(heard: list[int]) -> Node:
    yield from expect(1 - heard[-1], "stuff bit")
    heard.append(1 - heard[-1])


def expect(level: int | None, what: str, *, driven: int = 1) -> Node:
    found = yield driven
    if level is not None and found != level:
        raise WrongLevelError(what)


def dominant_flag() -> Node:
    for _ in range(6):
        yield 0


def longest_run(levels: bytes) -> int:
    return max(map(len, levels.replace(b"\0\1", b"\0 \1").replace(b"\1\0", b"\1 \0").split(b" ")))
