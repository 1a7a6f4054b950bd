"""Frames on the wire: as long as the counted ones, and never a run that stuffing should have broken."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.network.frames import CLASSIC_LENGTHS, FD_LENGTHS, INTERFRAME_BITS, FrameFormat, frame_bits
from twin.network.lengths import FrameLengths
from twin.network.wire import WireFrame, error_flag_bits, wire_frame

# Few byte values make long runs, where stuffing is decided.
byte = st.one_of(st.sampled_from([0x00, 0xFF, 0x0F, 0xF0, 0x07, 0xE0, 0x1F, 0x55]), st.integers(0, 255))


@st.composite
def frame_formats(draw: st.DrawFn) -> FrameFormat:
    kind = draw(st.sampled_from(["classic", "remote", "fd"]))
    extended, switch = draw(st.booleans()), draw(st.booleans())
    highest = (1 << 29 if extended else 1 << 11) - 1
    identifier = draw(st.one_of(st.sampled_from([0, highest, highest >> 1, 0x0F8]), st.integers(0, highest)))
    length = draw(st.sampled_from(FD_LENGTHS if kind == "fd" else CLASSIC_LENGTHS))
    return FrameFormat(identifier, length, extended, kind == "fd", switch and kind == "fd", kind == "remote")


@st.composite
def frames(draw: st.DrawFn) -> tuple[FrameFormat, bytes]:
    frame_format = draw(frame_formats())
    return frame_format, bytes(draw(st.lists(byte, min_size=frame_format.length, max_size=frame_format.length)))


def longest_run(levels: bytes) -> int:
    return max(map(len, levels.replace(b"\0\1", b"\0 \1").replace(b"\1\0", b"\1 \0").split(b" ")))


@settings(max_examples=400, deadline=None)
@given(frames())
def test_three_ways_to_the_same_length(frame: tuple[FrameFormat, bytes]) -> None:
    chosen, data = frame
    wire = wire_frame(chosen, data)
    counted = frame_bits(
        chosen.identifier,
        data,
        extended=chosen.extended,
        fd=chosen.fd,
        bit_rate_switch=chosen.bit_rate_switch,
        remote=chosen.remote,
    )
    assert len(wire.levels) + INTERFRAME_BITS == counted.nominal_bits + counted.data_bits
    assert wire.data_end - wire.data_start == counted.data_bits
    payload = np.frombuffer(data.ljust(64, b"\xa5"), np.uint8)[None]
    nominal_bits, data_bits = FrameLengths([chosen]).bits(np.array([0]), payload)
    assert (nominal_bits[0], data_bits[0]) == (counted.nominal_bits, counted.data_bits)
    assert FrameLengths([chosen]).switches.tolist() == [chosen.bit_rate_switch]


@settings(max_examples=200, deadline=None)
@given(frames())
def test_stuffing_breaks_every_run(frame: tuple[FrameFormat, bytes]) -> None:
    wire = wire_frame(*frame)
    assert longest_run(wire.levels[: wire.crc_end]) <= 5
    assert wire.levels[wire.crc_end :] == bytes([1, 0, 1, 1, 1, 1, 1, 1, 1, 1])
    assert wire.ack_slot == wire.crc_end + 1


@settings(max_examples=200, deadline=None)
@given(frames(), st.booleans(), st.data())
def test_error_flags_end_with_the_receivers_flag(
    frame: tuple[FrameFormat, bytes], sender_passive: bool, data: st.DataObject
) -> None:
    """Replay of the rule: receivers watch the stuffed part and the sender's flag for a sixth equal level."""
    wire = wire_frame(*frame)
    bit = data.draw(st.integers(0, len(wire.levels) - 1))
    found = error_flag_bits(wire, bit, sender_passive=sender_passive)
    assert 6 <= found <= 12
    if bit < wire.stuffed_end and not wire.frame_format.bit_rate_switch:
        assert found == replayed(wire, bit, sender_passive)


def replayed(wire: WireFrame, bit: int, sender_passive: bool) -> int:
    seen = [*wire.levels[:bit], 1 - wire.levels[bit]]
    flag = [int(sender_passive)] * 6
    for late in range(7):
        if len(seen) >= 6 and len(set(seen[-6:])) == 1:
            return late + 6
        seen.append(flag[late])
    raise AssertionError("six equal levels never came")
