"""Error flags at chosen bits of frames that are written out, and what the wire refuses."""

from __future__ import annotations

import pytest

from twin.errors import InputError
from twin.network.frames.bits import FrameFormat
from twin.network.frames.wire import WireFrame, error_flag_bits, wire_frame

BASE = wire_frame(FrameFormat(0x555, 1), b"\x0f")
ONES = wire_frame(FrameFormat(0x7FE, 1), b"\x55")
REMOTE = wire_frame(FrameFormat(0x555, 1, remote=True), b"")
STUFF_BIT_AT_END = wire_frame(FrameFormat(0x00B, 1), b"\x0f")
FOUR_ONES_AT_END = wire_frame(FrameFormat(0x03B, 1), b"\x0f")
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
    assert text(BASE)[34 : BASE.crc_end] == "001101001"
    assert text(REMOTE)[26:35] == "100010000"
    assert text(STUFF_BIT_AT_END)[40 : STUFF_BIT_AT_END.crc_end] == "1000001"
    assert text(FOUR_ONES_AT_END)[39 : FOUR_ONES_AT_END.crc_end] == "011110"
    # SOF, identifier, RRS, IDE, FDF, res, BRS; then the data phase: ESI, DLC, data
    assert text(FD)[: FD.data_start] == "0" + "10101010101" + "00" + "100"
    assert text(SWITCHING)[: SWITCHING.data_start] == "0" + "10101010101" + "00" + "101"
    assert text(STUFFED)[STUFFED.data_start :].startswith("0" + "0010" + "11111" + "0" + "111" + "00000" + "1" + "000")
    assert text(FD)[17 : FD.stuffed_end] == "0" + "00101" + "01010101"  # stuffed behind the fifth zero
    assert text(FD)[46 : FD.crc_end] == "0" + "1010" + "1" + "0101" + "0" + "0"
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
        pytest.param(BASE, 0, 12, 6, id="the start of frame, which a passive sender does not make up for"),
        pytest.param(BASE, 42, 7, 9, id="the last bit of the CRC; a bit to its delimiter, three to that of the ACK"),
        pytest.param(BASE, 41, 8, 10, id="the CRC's last but one"),
        pytest.param(BASE, 40, 9, 11, id="the CRC's last but two"),
        pytest.param(BASE, 39, 10, 12, id="the CRC's last but three; bit 6 is the ACK delimiter"),
        pytest.param(BASE, 38, 11, 9, id="the CRC's last but four; three ones end with it, and two zeros follow"),
        pytest.param(BASE, 37, 11, 12, id="the CRC's last but five; one zero ends with it"),
        pytest.param(REMOTE, 30, 8, 12, id="four zeros end with it; passive: the ACK delimiter would be bit 7"),
        pytest.param(STUFF_BIT_AT_END, 46, 6, 6, id="the stuff bit behind the CRC"),
        pytest.param(STUFF_BIT_AT_END, 45, 7, 9, id="the CRC's last, which makes the stuff bit behind it not due"),
        pytest.param(STUFF_BIT_AT_END, 42, 10, 12, id="three bits, then the delimiter instead of the stuff bit"),
        pytest.param(FOUR_ONES_AT_END, 44, 8, 7, id="the CRC's last, which makes a stuff bit due"),
        pytest.param(BASE, BASE.stuffed_end, 6, 6, id="the CRC delimiter"),
        pytest.param(BASE, BASE.ack_slot, 6, 6, id="the ACK slot"),
        pytest.param(BASE, len(BASE.levels) - 1, 6, 6, id="the last bit of EOF"),
        pytest.param(REMOTE, 12, 11, 12, id="RTR of a remote frame: one zero ends with it"),
        pytest.param(FD, FD.stuffed_end, 6, 6, id="FD: the first fixed stuff bit"),
        pytest.param(FD, FD.stuffed_end + 5, 6, 6, id="FD: the fixed stuff bit behind the stuff count"),
        pytest.param(FD, FD.stuffed_end + 1, 10, 10, id="FD: four bits before a fixed stuff bit"),
        pytest.param(FD, FD.stuffed_end + 4, 7, 12, id="FD: a one before a fixed stuff bit; a dominant flag breaks it"),
        pytest.param(FD, 50, 12, 7, id="FD: a zero before a fixed stuff bit; a recessive flag breaks it"),
        pytest.param(FD, 55, 7, 11, id="FD: before the last fixed stuff bit; five bits to the ACK delimiter"),
        pytest.param(FD, 57, 7, 9, id="FD: the last bit of the CRC; three bits to the ACK delimiter"),
        pytest.param(FD, 27, 10, 10, id="FD: data, four bits before the first fixed stuff bit"),
        pytest.param(FD, 30, 7, 12, id="FD: the last bit of the data"),
        pytest.param(FD, 17, 11, 11, id="FD: ESI; five dominant bits on, a DLC of 0 ends; one recessive level so far"),
        pytest.param(FD, 22, 7, 12, id="FD: the DLC's last bit; a DLC of 0 is followed by a fixed stuff bit"),
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
