"""Error flags at chosen bits of frames that are written out, and what the wire refuses."""

from __future__ import annotations

import pytest

from twin.errors import InputError
from twin.network.frames.bits import FrameFormat
from twin.network.frames.wire import WireFrame, error_flag_bits, wire_frame

BASE = wire_frame(FrameFormat(0x555, 1), b"\x0f")
ONES = wire_frame(FrameFormat(0x7FE, 1), b"\x55")
REMOTE = wire_frame(FrameFormat(0x555, 1, remote=True), b"")
FD = wire_frame(FrameFormat(0x555, 1, fd=True), b"\x55")
SWITCHING = wire_frame(FrameFormat(0x555, 1, fd=True, bit_rate_switch=True), b"\x55")
STUFFED = wire_frame(FrameFormat(0x555, 2, fd=True, bit_rate_switch=True), b"\xff\x00")


def text(frame: WireFrame) -> str:
    return "".join(map(str, frame.levels))


def test_the_frames_are_as_the_table_below_takes_them() -> None:
    # SOF, identifier, RTR, IDE, r0, DLC with a stuff bit behind the fifth zero from RTR on, data
    assert text(BASE).startswith("0" + "10101010101" + "000" + "00101" + "00001111")
    assert text(ONES).startswith("0" + "11111" + "0" + "11111" + "0" + "0")
    assert text(REMOTE).startswith("0" + "10101010101" + "100" + "00011")  # stuffed behind the fifth zero
    # SOF, identifier, RRS, IDE, FDF, res, BRS; then the data phase: ESI, DLC, data
    assert text(FD)[: FD.data_start] == "0" + "10101010101" + "00" + "100"
    assert text(SWITCHING)[: SWITCHING.data_start] == "0" + "10101010101" + "00" + "101"
    assert text(STUFFED)[STUFFED.data_start :].startswith("0" + "0010" + "11111" + "0" + "111" + "00000" + "1" + "000")
    # One stuff bit so far in FD: its count is 001 with parity 1, behind the inverse of the last bit of data.
    assert text(FD)[FD.stuffed_end :].startswith("0" + "0011" + "0")


@pytest.mark.parametrize(
    ("frame", "bit", "active", "passive"),
    [
        pytest.param(BASE, 5, 10, 12, id="a one among zeros: two zeros end with it"),
        pytest.param(BASE, 4, 12, 10, id="a zero among ones: two ones end with it"),
        pytest.param(BASE, 16, 12, 11, id="the fifth zero of a run"),
        pytest.param(BASE, 24, 7, 12, id="a one behind four zeros"),
        pytest.param(BASE, 17, 6, 6, id="the stuff bit behind five zeros"),
        pytest.param(ONES, 6, 6, 6, id="the stuff bit behind five ones"),
        pytest.param(BASE, BASE.stuffed_end, 6, 6, id="the CRC delimiter"),
        pytest.param(BASE, BASE.ack_slot, 6, 6, id="the ACK slot"),
        pytest.param(BASE, len(BASE.levels) - 1, 6, 6, id="the last bit of EOF"),
        pytest.param(REMOTE, 12, 11, 12, id="RTR of a remote frame: one zero ends with it"),
        pytest.param(FD, FD.stuffed_end, 6, 6, id="FD: the first fixed stuff bit"),
        pytest.param(FD, FD.stuffed_end + 5, 6, 6, id="FD: the fixed stuff bit behind the stuff count"),
        pytest.param(FD, FD.stuffed_end + 1, 12, 11, id="FD: a zero of the stuff count behind a fixed stuff bit"),
        pytest.param(FD, FD.crc_end, 6, 6, id="FD: the CRC delimiter"),
        pytest.param(SWITCHING, 16, 10, 12, id="FD: BRS, still at the nominal bit rate"),
        pytest.param(SWITCHING, 17, 7, 7, id="FD: ESI, in the data phase"),
        pytest.param(SWITCHING, SWITCHING.stuffed_end + 1, 7, 7, id="FD: a bit of the stuff count in the data phase"),
        pytest.param(SWITCHING, SWITCHING.stuffed_end, 6, 6, id="FD: a fixed stuff bit in the data phase"),
        pytest.param(STUFFED, STUFFED.data_start + 10, 6, 6, id="FD: a dynamic stuff bit in the data phase"),
    ],
)
def test_bits_of_the_error_flags(frame: WireFrame, bit: int, active: int, passive: int) -> None:
    assert error_flag_bits(frame, bit, sender_passive=False) == active
    assert error_flag_bits(frame, bit, sender_passive=True) == passive


@pytest.mark.parametrize("bit", [-1, len(BASE.levels)])
def test_bits_that_the_frame_does_not_have_are_refused(bit: int) -> None:
    with pytest.raises(InputError, match=f"bits 0 to {len(BASE.levels) - 1}, found {bit}"):
        error_flag_bits(BASE, bit, sender_passive=False)


def test_data_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="carries 8 bytes, found 7"):
        wire_frame(FrameFormat(0x100, 8), bytes(7))


def test_a_remote_frame_does_not_send_its_data() -> None:
    asking = FrameFormat(0x123, 4, remote=True)
    assert wire_frame(asking, b"\xff" * 4) == wire_frame(asking, b"")
