"""Lengths of many different frames at once are those of the frames one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.property.random_frames import BYTES, formats, frames
from twin.network.frames.bits import FrameFormat, formatted_bits
from twin.network.frames.lengths import CLASSIC, FD_SWITCHING, FrameLengths, FrameTables

Frame = tuple[FrameFormat, bytes]


@settings(max_examples=200, deadline=None)
@given(st.lists(frames(), min_size=1, max_size=8), st.lists(st.integers(0, 7), min_size=1, max_size=12), BYTES)
def test_many_at_once(known: list[Frame], chosen: list[int], filler: int) -> None:
    picked = [number % len(known) for number in chosen]
    found = FrameLengths([one for one, _ in known]).bits(np.array(picked), padded(known, picked, filler))
    expected = [formatted_bits(*known[one]) for one in picked]
    assert found[0].tolist() == [bits.nominal_bits for bits in expected]
    assert found[1].tolist() == [bits.data_bits for bits in expected]


@settings(max_examples=200, deadline=None)
@given(frames())
def test_tables_are_enough_to_find_a_length(frame: Frame) -> None:
    bits = formatted_bits(*frame)
    assert by_tables(FrameLengths([frame[0]]).tables(), frame[1]) == (bits.nominal_bits, bits.data_bits)


@settings(max_examples=50, deadline=None)
@given(st.lists(formats(), max_size=6))
def test_which_formats_switch(known: list[FrameFormat]) -> None:
    lengths = FrameLengths(known)
    assert lengths.switches.tolist() == [one.bit_rate_switch for one in known]
    assert (lengths.tables().headers[:, 5] == FD_SWITCHING).tolist() == lengths.switches.tolist()


def padded(known: list[Frame], picked: list[int], filler: int) -> NDArray[np.uint8]:
    """Payloads as wide as an engine has them: what lies beyond a frame's length must not count."""
    width = 64 if any(one.length > 8 for one, _ in known) else 8
    rows = [known[one][1].ljust(width, bytes([filler])) for one in picked]
    return np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), width)


def by_tables(tables: FrameTables, payload: bytes) -> tuple[int, int]:
    """The length of a frame of format 0, byte by byte, as ``FrameTables`` tells an engine to find it."""
    length, state, crc, nominal_bits, data_bits, kind = tables.headers[0].tolist()
    steps = []
    for place in range(length):
        last = kind != CLASSIC and place == length - 1
        steps.append((tables.stuffing_8_last if last else tables.stuffing_8, payload[place]))
        crc ^= int(tables.crc[8 - length + place, payload[place]]) if kind == CLASSIC else 0
    if kind == CLASSIC:
        steps += [(tables.stuffing_7, crc >> 8), (tables.stuffing_8, crc & 255)]
    stuff_bits = 0
    for table, symbol in steps:
        entry = int(table[state, symbol])
        state = entry & 7
        stuff_bits += entry >> 3
    return (nominal_bits + stuff_bits, data_bits) if kind == CLASSIC else (nominal_bits, data_bits + stuff_bits)
