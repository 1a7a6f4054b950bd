"""Frame lengths: the table-driven count equals the bit-by-bit one, and no frame is longer than the bound."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.network.frames import FD_LENGTHS, frame_bits, worst_frame_bits
from twin.network.lengths import frame_bits_array

# Few byte values make long runs, where stuffing is decided.
RUNS = st.sampled_from([0x00, 0xFF, 0x0F, 0xF0, 0x07, 0xE0, 0x55])
BYTES = st.one_of(RUNS, st.integers(0, 255))


@st.composite
def identifiers(draw: st.DrawFn) -> tuple[int, bool]:
    extended = draw(st.booleans())
    highest = (1 << 29 if extended else 1 << 11) - 1
    return draw(st.one_of(st.just(0), st.just(highest), st.integers(0, highest))), extended


@settings(max_examples=150, deadline=None)
@given(identifiers(), st.integers(0, 8), st.data())
def test_fleet_lengths_are_the_scalar_ones(identifier: tuple[int, bool], length: int, data: st.DataObject) -> None:
    number, extended = identifier
    row = st.lists(BYTES, min_size=length, max_size=length)
    rows = data.draw(st.lists(row, min_size=1, max_size=4))
    payloads = np.array(rows, np.uint8).reshape(len(rows), length)
    expected = [frame_bits(number, bytes(values), extended=extended).nominal_bits for values in rows]
    assert frame_bits_array(number, payloads, extended=extended).tolist() == expected
    assert max(expected) <= worst_frame_bits(length, extended=extended)


@settings(max_examples=60, deadline=None)
@given(identifiers(), st.integers(0, 8))
def test_fleet_lengths_do_not_depend_on_the_memory_layout(identifier: tuple[int, bool], length: int) -> None:
    number, extended = identifier
    table = np.random.default_rng(length).integers(0, 256, (5, 16), dtype=np.uint8)
    strided = table[:, ::2][:, :length]
    assert not length or not strided.flags.c_contiguous
    expected = [frame_bits(number, row.tobytes(), extended=extended).nominal_bits for row in strided]
    assert frame_bits_array(number, strided, extended=extended).tolist() == expected


@settings(max_examples=60, deadline=None)
@given(identifiers(), st.sampled_from(FD_LENGTHS), st.booleans(), st.data())
def test_fd_lengths_stay_below_the_bound(
    identifier: tuple[int, bool], length: int, bit_rate_switch: bool, data: st.DataObject
) -> None:
    number, extended = identifier
    payload = bytes(data.draw(st.lists(RUNS, min_size=length, max_size=length)))
    found = frame_bits(number, payload, extended=extended, fd=True, bit_rate_switch=bit_rate_switch)
    assert found.nominal_bits + found.data_bits <= worst_frame_bits(length, extended=extended, fd=True)
