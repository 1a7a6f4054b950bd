"""Frames on the wire: as long as the counted ones, never a run that stuffing should have broken, and error flags."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.random_frames import counted, frames
from twin.network.frames.bits import INTERFRAME_BITS, FrameFormat
from twin.network.frames.wire import WireFrame, error_flag_bits, wire_frame

Frame = tuple[FrameFormat, bytes]


@settings(max_examples=400, deadline=None)
@given(frames())
def test_as_long_as_counted(frame: Frame) -> None:
    wire, bits = wire_frame(*frame), counted(*frame)
    assert len(wire.levels) + INTERFRAME_BITS == bits.nominal_bits + bits.data_bits
    assert wire.data_end - wire.data_start == bits.data_bits


@settings(max_examples=200, deadline=None)
@given(frames())
def test_stuffing_breaks_every_run(frame: Frame) -> None:
    wire = wire_frame(*frame)
    assert longest_run(wire.levels[: wire.crc_end]) <= 5
    assert wire.levels[wire.crc_end :] == bytes([1, 0, 1, 1, 1, 1, 1, 1, 1, 1])
    assert wire.ack_slot == wire.crc_end + 1


@settings(max_examples=300, deadline=None)
@given(frames(), st.booleans(), st.data())
def test_error_flags_are_those_of_nodes_that_watch_the_bus(
    frame: Frame, sender_passive: bool, data: st.DataObject
) -> None:
    wire = wire_frame(*frame)
    bit = data.draw(st.integers(0, len(wire.levels) - 1))
    assert error_flag_bits(wire, bit, sender_passive=sender_passive) == replayed(wire, bit, sender_passive)


def replayed(wire: WireFrame, bit: int, sender_passive: bool) -> int:
    """Bits until the receivers' flag ends, which they begin behind the sixth equal level, or behind a form error."""
    seen = [*wire.levels[:bit], 1 - wire.levels[bit]]
    fixed_form = list(range(wire.stuffed_end, wire.crc_end, 5)) + list(range(wire.crc_end, len(wire.levels)))
    if bit in fixed_form or (bit < wire.stuffed_end and six_equal(seen)):
        return 6
    if wire.frame_format.bit_rate_switch and wire.data_start <= bit:
        return 7
    late = 0
    while not six_equal(seen):
        seen.append(int(sender_passive))
        late += 1
    assert 1 <= late <= 6
    return late + 6


def six_equal(levels: list[int]) -> bool:
    return levels[-6:] in ([0] * 6, [1] * 6)


def longest_run(levels: bytes) -> int:
    return max(map(len, levels.replace(b"\0\1", b"\0 \1").replace(b"\1\0", b"\1 \0").split(b" ")))
