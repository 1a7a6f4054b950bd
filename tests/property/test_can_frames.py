"""Frame lengths: the table-driven count equals the bit-by-bit one, and no frame is longer than the bound."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.random_frames import BYTES, formats, frames
from twin.network.frames.bits import FrameFormat, formatted_bits, frame_bits, worst_frame_bits
from twin.network.frames.lengths import frame_bits_array

CLASSIC_FORMATS = formats().filter(lambda one: not one.fd and not one.remote)


@settings(max_examples=150, deadline=None)
@given(CLASSIC_FORMATS, st.data())
def test_fleet_lengths_are_the_scalar_ones(one: FrameFormat, data: st.DataObject) -> None:
    row = st.lists(BYTES, min_size=one.length, max_size=one.length)
    rows = data.draw(st.lists(row, min_size=1, max_size=4))
    payloads = np.array(rows, np.uint8).reshape(len(rows), one.length)
    expected = [frame_bits(one.identifier, bytes(values), extended=one.extended).nominal_bits for values in rows]
    assert frame_bits_array(one.identifier, payloads, extended=one.extended).tolist() == expected


@settings(max_examples=60, deadline=None)
@given(CLASSIC_FORMATS)
def test_fleet_lengths_do_not_depend_on_the_memory_layout(one: FrameFormat) -> None:
    table = np.random.default_rng(one.length).integers(0, 256, (5, 16), dtype=np.uint8)
    strided = table[:, ::2][:, : one.length]
    assert not one.length or not strided.flags.c_contiguous
    expected = [frame_bits(one.identifier, row.tobytes(), extended=one.extended).nominal_bits for row in strided]
    assert frame_bits_array(one.identifier, strided, extended=one.extended).tolist() == expected


@settings(max_examples=200, deadline=None)
@given(frames())
def test_lengths_stay_below_the_bound(frame: tuple[FrameFormat, bytes]) -> None:
    one, bits = frame[0], formatted_bits(*frame)
    bound = worst_frame_bits(one.length, extended=one.extended, fd=one.fd, remote=one.remote)
    assert bits.nominal_bits + bits.data_bits <= bound
