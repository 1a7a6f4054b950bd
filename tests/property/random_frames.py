"""Frames of every format, with contents in which stuffing is decided."""

from __future__ import annotations

from hypothesis import strategies as st

from twin.network.frames.bits import CLASSIC_LENGTHS, FD_LENGTHS, FrameFormat

# Few byte values make long runs; uniformly random bytes seldom have them.
BYTES = st.one_of(st.sampled_from([0x00, 0xFF, 0x0F, 0xF0, 0x07, 0xE0, 0x1F, 0x55]), st.integers(0, 255))


@st.composite
def formats(draw: st.DrawFn) -> FrameFormat:
    kind = draw(st.sampled_from(["classic", "remote", "fd"]))
    extended, switch = draw(st.booleans()), draw(st.booleans())
    highest = (1 << 29 if extended else 1 << 11) - 1
    identifier = draw(st.one_of(st.sampled_from([0, highest, highest >> 1, 0x0F8]), st.integers(0, highest)))
    length = draw(st.sampled_from(FD_LENGTHS if kind == "fd" else CLASSIC_LENGTHS))
    return FrameFormat(identifier, length, extended, kind == "fd", switch and kind == "fd", kind == "remote")


@st.composite
def frames(draw: st.DrawFn) -> tuple[FrameFormat, bytes]:
    frame_format = draw(formats())
    return frame_format, bytes(draw(st.lists(BYTES, min_size=frame_format.length, max_size=frame_format.length)))
