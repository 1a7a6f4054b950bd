"""The native codec and its judge in NumPy: the same bits for every layout, value and mailbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.network.dbc.codec import Codec, FloatArray, MessageLayout, Multiplexing, SignalLayout
from twin.network.dbc.database import Database
from twin.network.dbc.numpy_codec import NumpyCodec

EXOTIC = Path(__file__).parent / "codec_exotic.dbc"
ROWS = 300
"""More than the native loop takes at once, and no multiple of it."""


def every_message() -> list[Any]:
    layouts = [*Database.load(EXOTIC).messages, *Database.load("home_battery").messages]
    return [pytest.param(layout, id=layout.name) for layout in layouts if not layout.name.startswith("Module1")]


def values(signals: tuple[SignalLayout, ...], seed: int) -> FloatArray:
    """Return ``[signal, row]``: within the range, halfway between two raw values, beyond the range, and not there."""
    random = np.random.default_rng(seed)
    table = np.empty((len(signals), ROWS))
    for row, signal in enumerate(signals):
        raw = np.floor(random.uniform(-0.5, 1.0, ROWS) * 2.0**signal.length)
        raw[::3] = random.integers(-4, 40, len(raw[::3])) + 0.5
        table[row] = raw * signal.scale + signal.offset
        odd = random.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300, -1e300, 5e-324, 70000.0, 6e-8], ROWS)
        table[row] = np.where(random.random(ROWS) < 0.2, odd, table[row])
    return table


def bits(physical: FloatArray) -> Any:
    """Return the bits of all numbers; a NaN is a NaN."""
    return np.where(np.isnan(physical), np.nan, physical).view(np.uint64)


def assert_alike(length: int, signals: tuple[SignalLayout, ...], seed: int) -> None:
    native, judge = Codec(length, signals), NumpyCodec(length, signals)
    physical = values(signals, seed)
    random = np.random.default_rng(seed).integers(0, 256, (ROWS, length + seed % 3), dtype=np.uint8)
    with np.errstate(all="ignore"):
        payload = native.encode(physical)
        np.testing.assert_array_equal(payload, judge.encode(physical))
        for frames in (payload, random):
            np.testing.assert_array_equal(bits(native.decode(frames)), bits(judge.decode(frames)))


@pytest.mark.parametrize("layout", every_message())
def test_every_message(layout: MessageLayout) -> None:
    assert_alike(layout.length, layout.signals, layout.identifier)


@st.composite
def signals(draw: st.DrawFn, number: int, first_byte: int, room_bits: int) -> SignalLayout:
    """One signal somewhere in the bytes that are its own, part of the pages 0 and 3 of an earlier one, or of all."""
    floating = room_bits >= 16 and draw(st.booleans())
    sizes = [size for size in (16, 32, 64) if size <= room_bits] if floating else range(1, min(room_bits, 64) + 1)
    length = draw(st.sampled_from(list(sizes)))
    position = draw(st.integers(0, room_bits - length))
    byte_order: Literal["little_endian", "big_endian"] = draw(st.sampled_from(["little_endian", "big_endian"]))
    byte, bit = divmod(position, 8)
    start = 8 * first_byte + (position if byte_order == "little_endian" else 8 * byte + 7 - bit)
    chosen = draw(st.none() | st.integers(0, number - 1)) if number else None
    return SignalLayout(
        f"S{number}",
        start,
        length,
        byte_order,
        signed=draw(st.booleans()),
        floating=floating,
        scale=draw(st.sampled_from([1.0, 0.1, -0.1, 0.5, -3.0, 1e-5])),
        offset=draw(st.sampled_from([0.0, -40.0, 0.25, -273.15])),
        minimum=draw(st.none() | st.just(-3.0)),
        maximum=draw(st.none() | st.just(17.0)),
        multiplexing=None if chosen is None else Multiplexing(f"S{chosen}", (0, 3)),
    )


@st.composite
def layouts(draw: st.DrawFn) -> tuple[int, tuple[SignalLayout, ...]]:
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=8))
    firsts = np.cumsum([0, *sizes]).tolist()
    drawn = tuple(draw(signals(number, firsts[number], 8 * size)) for number, size in enumerate(sizes))
    return min(length for length in (*range(1, 9), 12, 16, 20, 24, 32, 48, 64, 72) if length >= sum(sizes)), drawn


@settings(max_examples=150, deadline=None)
@given(layouts(), st.integers(0, 2**32))
def test_random_layouts(layout: tuple[int, tuple[SignalLayout, ...]], seed: int) -> None:
    assert_alike(*layout, seed)


@pytest.mark.parametrize("width", [8, 64])
def test_mailboxes(width: int) -> None:
    """Two frames of three senders at seven sites, one of which no reader has a box for."""
    parts = (SignalLayout("A", 3, 13), SignalLayout("B", 8 * width + 7, 24, "big_endian", scale=0.5))
    random = np.random.default_rng(width)
    payload = random.integers(0, 256, (7, 5, width), dtype=np.uint8)
    received_ns = random.integers(-1, 10**9, (7, 5))
    site, box = np.array([6, 0, 0, 3]), random.integers(-1, 5, (4, 3, 2))
    box[2, 1] = -1
    native, judge = Codec(2 * width, parts), NumpyCodec(2 * width, parts)
    physical, time_ns = native.decode_mailboxes(payload, received_ns, site, box)
    judged, judged_ns = judge.decode_mailboxes(payload, received_ns, site, box)
    np.testing.assert_array_equal(physical, judged)
    np.testing.assert_array_equal(time_ns, judged_ns)
    assert (physical.shape, physical[:, 2, 1].tolist(), time_ns[2, 1].tolist()) == ((2, 4, 3), [0.0, 0.0], [-1, -1])
    one = judge.decode(payload[6, box[0, 2]].reshape(1, -1)) if (box[0, 2] >= 0).all() else None
    assert one is None or one[:, 0].tolist() == physical[:, 0, 2].tolist()


def test_arrays_of_other_shapes_are_refused() -> None:
    codec = Codec(8, (SignalLayout("A", 0, 8),))
    with pytest.raises(ValueError, match=r"physical\[signal, n\]"):
        codec.encode(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"payload\[n, length\]"):
        codec.decode(np.zeros((3, 7), np.uint8))
    mailboxes, times_ns = np.zeros((2, 4, 8), np.uint8), np.zeros((2, 4), np.int64)
    for site, box in ((2, 0), (-1, 0), (0, 4)):
        with pytest.raises(ValueError, match="that there is not"):
            codec.decode_mailboxes(mailboxes, times_ns, np.array([site]), np.array([[[box]]]))
