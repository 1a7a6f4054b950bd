"""Frame lengths: what is refused, with every mistake named."""

from __future__ import annotations

import numpy as np
import pytest

from twin.errors import InputError
from twin.network.frames.bits import FrameFormat, frame_bits, worst_frame_bits
from twin.network.frames.lengths import frame_bits_array


@pytest.mark.parametrize(
    ("identifier", "length", "options", "paths"),
    [
        (0x800, 8, {}, ["identifier"]),
        (-1, 0, {}, ["identifier"]),
        (1 << 29, 0, {"extended": True}, ["identifier"]),
        (0x100, 9, {}, ["data"]),
        (0x100, 9, {"fd": True}, ["data"]),
        (0x100, 65, {"fd": True}, ["data"]),
        (0x100, 8, {"bit_rate_switch": True}, ["bit_rate_switch"]),
        (0x800, 12, {"bit_rate_switch": True}, ["identifier", "data", "bit_rate_switch"]),
        (0x100, 9, {"remote": True}, ["data"]),
        (0x100, 8, {"remote": True, "fd": True}, ["remote"]),
    ],
)
def test_impossible_frames_are_refused(
    identifier: int, length: int, options: dict[str, bool], paths: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        frame_bits(identifier, bytes(length), **options)
    assert [problem.path for problem in caught.value.problems] == paths
    with pytest.raises(InputError) as caught:
        FrameFormat(identifier, length, **options)
    assert [problem.path for problem in caught.value.problems] == paths


def test_a_remote_frame_carries_no_data() -> None:
    assert FrameFormat(0x123, 8, remote=True).payload_bytes == 0
    bits = frame_bits(0x123, b"\xff" * 8, remote=True)
    assert bits == frame_bits(0x123, bytes(8), remote=True)
    assert (bits.nominal_bits - bits.dynamic_stuff_bits, bits.data_bits) == (44 + 3, 0)


def test_fleet_lengths_refuse_the_same() -> None:
    with pytest.raises(InputError, match="does not fit into 11 bits"):
        frame_bits_array(0x800, np.zeros((3, 8), np.uint8))
    with pytest.raises(InputError, match=r"0\.\.8 bytes, found 9"):
        frame_bits_array(0x100, np.zeros((3, 9), np.uint8))


def test_bounds_of_lengths_that_no_frame_has_are_refused() -> None:
    with pytest.raises(InputError, match="found 13"):
        worst_frame_bits(13, fd=True)
    with pytest.raises(InputError, match="a remote frame asks for"):
        worst_frame_bits(9, remote=True)
