"""Lengths of many different frames at once are those of the frames one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.network.frames import FrameFormat, frame_bits
from twin.network.lengths import FrameLengths

Message = tuple[int, bool, int]
base = st.tuples(st.integers(0, 0x7FF), st.just(False), st.integers(0, 8))
extended = st.tuples(st.integers(0, 0x1FFFFFFF), st.just(True), st.integers(0, 8))
# Runs of equal bits are where stuffing happens; uniformly random bytes seldom have them.
byte = st.one_of(st.sampled_from([0x00, 0xFF, 0x0F, 0xF0, 0x1F, 0xE0]), st.integers(0, 255))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(base, extended), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.lists(byte, min_size=8, max_size=8)), min_size=1, max_size=12),
)
def test_many_at_once(messages: list[Message], frames: list[tuple[int, list[int]]]) -> None:
    chosen = [number % len(messages) for number, _ in frames]
    # What lies beyond a message's length must not count.
    payloads = np.array([data for _, data in frames], np.uint8)
    formats = [FrameFormat(number, length, is_extended) for number, is_extended, length in messages]
    found, _ = FrameLengths(formats).bits(np.array(chosen), payloads)
    expected = [
        frame_bits(identifier, bytes(data[:length]), extended=is_extended).nominal_bits
        for (_, data), (identifier, is_extended, length) in zip(frames, (messages[one] for one in chosen), strict=True)
    ]
    assert found.tolist() == expected
