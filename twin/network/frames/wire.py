"""A frame as it lies on the wire, bit by bit, and how long the error flags take that a wrong bit calls forth.

Nothing here is shared with ``frames`` but the format of a frame: the two find the same lengths in different ways, and
judge each other. Sources: ISO 11898-1:2015, 10.4.2 (frames) and 10.5 (frame coding); for the stuff count Mutter and
Hartwich, "Advantages of CAN FD error detection mechanisms compared to Classical CAN", iCC 2015; for superposed error
flags Bosch, "CAN Specification 2.0", 1991, error frame (six to twelve bits in all).

Not modelled: an ACK slot of two bits, which CAN FD receivers tolerate; overload frames; the recessive ESI of
error-passive senders of FD frames; receivers that switch their bit rate by a wrong BRS, or leave the frame by a
protocol exception.
"""

from __future__ import annotations

from dataclasses import dataclass

from twin.errors import InputError, Problem
from twin.network.frames.bits import FD_LENGTHS, FrameFormat

DOMINANT, RECESSIVE = 0, 1
ERROR_FLAG_BITS = 6
ERROR_DELIMITER_BITS = 8
SUSPEND_TRANSMISSION_BITS = 8
"""What an error-passive sender waits in addition, before it may send again."""

_LONGEST_RUN = 5
_FIXED_STUFF_PERIOD = 5
"""A fixed stuff bit, then four bits of the CRC field."""
_DLC_BITS = 4
_GRAY_CODE_AND_PARITY = (0b0000, 0b0011, 0b0110, 0b0101, 0b1100, 0b1111, 0b1010, 0b1001)
"""Stuff count modulo 8, Gray-coded, and the bit that makes its ones an even number."""


@dataclass(frozen=True)
class WireFrame:
    """The bits of a frame from its start to the last bit of its EOF; the interframe space is not part of it."""

    frame_format: FrameFormat
    levels: bytes
    """One byte a bit, 0 dominant and 1 recessive, with stuff bits; the ACK slot is dominant, as receivers make it."""
    stuffed_end: int
    """Index of the bit behind the dynamically stuffed part: CRC delimiter of a classic frame, first fixed stuff bit of
    a CAN FD frame."""
    crc_end: int
    """Index of the CRC delimiter."""
    data_start: int
    data_end: int
    """Bits ``[data_start, data_end)`` are the data phase of a CAN FD frame, from ESI to the CRC delimiter, at the data
    bit rate if the frame switches; none in a classic frame."""
    ack_slot: int
    """Index of the ACK slot."""


def wire_frame(frame_format: FrameFormat, data: bytes) -> WireFrame:
    """Return a frame of an error-active sender bit by bit, acknowledged; a remote frame does not send ``data``.

    Raises InputError if the data is not as long as the format says.
    """
    if not frame_format.remote and len(data) != frame_format.length:
        raise InputError([Problem(f"the frame carries {frame_format.length} bytes, found {len(data)}", path="data")])
    return _fd_frame(frame_format, data) if frame_format.fd else _classic_frame(frame_format, data)


def error_flag_bits(frame: WireFrame, bit: int, *, sender_passive: bool) -> int:
    """Return how many bits the superposed error flags take that follow the wrong bit of index ``bit``.

    ISO 11898-1:2015, error detection and error signalling. All nodes see the level of that bit inverted. The sender
    notices in that bit (also where ISO would have it lose the arbitration), and from the next one on sends its flag:
    six dominant bits, or six recessive ones if ``sender_passive``. Receivers are error-active. They

    - notice in the same bit, so that all flags coincide: **6 bits**, where the wrong bit is the sixth equal level of
      the dynamically stuffed part, is a fixed stuff bit, or lies behind the CRC sequence;
    - else, in the data phase of a frame that switches its bit rate, notice within the first nominal bit of the flag,
      which is taken to be longer than six data bits: **7 bits**, also where the CRC sequence ends before;
    - else notice in bit n behind the wrong one, and their own flags follow: **n + 6 bits**; or never, if they take the
      wrong bit of a passive sender for an idle bus, as it is the start of frame: **6 bits**.

    Receivers read the flag as if it were the rest of the frame, so it is they who say where a field ends: without the
    stuff bits that the flag overwrites, and with a DLC of which the flag may be a part. Bit n is the first of

    - the sixth equal level of the dynamically stuffed part: n = 6 - r if r of them (0 to 5) end with the wrong bit,
      the bit behind that part included, where a stuff bit is due behind five of them;
    - a fixed stuff bit equal to the bit before it: the next one, or the one five bits later if the next one follows
      the wrong bit and that is the flag's inverse;
    - the CRC delimiter, if the flag is dominant;
    - the ACK delimiter, if the flag is recessive: nobody acknowledges, and a CRC error is signalled behind that bit.
      Where that is bit 7, the sender's flag is over, and ISO has the receivers' flags be a second error of the sender,
      in its error delimiter. That is left out: n = 6, so that a wrong bit is one error of 12 bits at most.

    Error delimiter (8 bits) and interframe space (3 bits) come next, and 8 bits more for the next frame of a sender
    that is passive: 17 to 31 bits in all.
    Raises InputError if the frame has no such bit.
    """
    if not 0 <= bit < len(frame.levels):
        raise InputError([Problem(f"the frame has bits 0 to {len(frame.levels) - 1}, found {bit}", path="bit")])
    if _receivers_notice(frame, bit):
        return ERROR_FLAG_BITS
    if frame.frame_format.bit_rate_switch and frame.data_start <= bit < frame.data_end:
        return ERROR_FLAG_BITS + 1
    if bit == 0 and sender_passive:
        return ERROR_FLAG_BITS
    return _bits_until_noticed(frame, bit, RECESSIVE if sender_passive else DOMINANT) + ERROR_FLAG_BITS


def _receivers_notice(frame: WireFrame, bit: int) -> bool:
    """Whether receivers find a stuff error or a form error in the wrong bit itself."""
    if bit < frame.stuffed_end:
        return _run_with_wrong_bit(frame, bit) > _LONGEST_RUN
    if bit < frame.crc_end:
        return (bit - frame.stuffed_end) % _FIXED_STUFF_PERIOD == 0
    return True


def _bits_until_noticed(frame: WireFrame, bit: int, flag_level: int) -> int:
    """How many bits of the sender's flag receivers see until they find an error, the last one included.

    ``next_fixed`` is how far the CRC delimiter of a classic frame is, or the next fixed stuff bit of a CAN FD frame.
    """
    same_level = frame.levels[bit] != flag_level
    stuff_error = _LONGEST_RUN + 1 - (_run_with_wrong_bit(frame, bit) if same_level else 0)
    if bit < frame.stuffed_end:
        next_fixed = _stuffed_bits_left(frame, bit, flag_level) + 1
    else:
        next_fixed = _FIXED_STUFF_PERIOD - (bit - frame.stuffed_end) % _FIXED_STUFF_PERIOD
    delimiter = next_fixed
    if frame.frame_format.fd:
        delimiter = frame.crc_end - bit  # out of the flag's reach where receivers might expect it elsewhere
        if same_level or next_fixed > 1:
            stuff_error = min(stuff_error, next_fixed)
    if stuff_error <= delimiter:
        return stuff_error
    return delimiter if flag_level == DOMINANT else min(delimiter + 2, ERROR_FLAG_BITS)


def _stuffed_bits_left(frame: WireFrame, bit: int, flag_level: int) -> int:
    """How many bits of the dynamically stuffed part receivers still expect behind the wrong one, if a flag follows.

    A stuff bit counts that is due because five equal levels end with the wrong bit (behind the last bit of the part
    only in a classic frame). A later one does not: it is due behind five bits of the flag, and the flag breaks it.
    """
    left = len(_without_stuff_bits(frame, bit + 1, frame.stuffed_end))
    if frame.frame_format.fd and bit >= frame.data_start:
        since_esi = [*_without_stuff_bits(frame, frame.data_start, bit), 1 - frame.levels[bit]]
        missing = 1 + _DLC_BITS - len(since_esi)
        if missing >= 0:
            dlc = [*since_esi[1:], *([flag_level] * missing)]
            left = missing + 8 * FD_LENGTHS[int("".join(map(str, dlc)), 2)]
    stuff_bit = _run_with_wrong_bit(frame, bit) == _LONGEST_RUN and not (frame.frame_format.fd and left == 0)
    return left + stuff_bit


def _without_stuff_bits(frame: WireFrame, start: int, end: int) -> list[int]:
    """Levels ``[start, end)`` of the dynamically stuffed part; a stuff bit is what follows five equal levels."""
    return [
        frame.levels[index]
        for index in range(start, end)
        if index < _LONGEST_RUN or len(set(frame.levels[index - _LONGEST_RUN : index])) > 1
    ]


def _run_with_wrong_bit(frame: WireFrame, bit: int) -> int:
    """How many equal levels end with the wrong bit."""
    level = 1 - frame.levels[bit]
    run = 1
    while run <= bit and frame.levels[bit - run] == level:
        run += 1
    return run


def _classic_frame(frame_format: FrameFormat, data: bytes) -> WireFrame:
    bits: list[int] = []
    _append_arbitration(bits, frame_format)
    if not frame_format.extended:
        bits.append(0)  # IDE
    bits.append(0)  # r0, or r1
    if frame_format.extended:
        bits.append(0)  # r0
    _append(bits, frame_format.length, 4)
    _append_data(bits, frame_format, data)
    _append(bits, _crc(bits, 15, 0x4599, 0), 15)
    levels, _ = _stuffed(bits)
    if _run_at_end(levels) == _LONGEST_RUN:
        levels.append(1 - levels[-1])  # a stuff bit behind the CRC sequence
    end = len(levels)
    _append_end(levels)
    return WireFrame(frame_format, bytes(levels), end, end, end, end, end + 1)


def _fd_frame(frame_format: FrameFormat, data: bytes) -> WireFrame:
    bits: list[int] = []
    _append_arbitration(bits, frame_format)
    if not frame_format.extended:
        bits.append(0)  # IDE
    bits.append(1)  # FDF
    bits.append(0)  # res
    bits.append(1 if frame_format.bit_rate_switch else 0)
    data_start = len(_stuffed(bits)[0])  # no stuff bit can follow BRS: res and BRS are at most two equal bits
    bits.append(0)  # ESI
    _append(bits, FD_LENGTHS.index(frame_format.length), 4)
    _append_data(bits, frame_format, data)
    levels, stuff_bits = _stuffed(bits)
    stuffed_end = len(levels)
    _append_fd_crc(levels, stuff_bits, frame_format.length)
    crc_end = len(levels)
    _append_end(levels)
    return WireFrame(frame_format, bytes(levels), stuffed_end, crc_end, data_start, crc_end + 1, crc_end + 1)


def _append_arbitration(bits: list[int], frame_format: FrameFormat) -> None:
    """Start of frame, identifier, and RTR (or RRS)."""
    bits.append(0)
    if frame_format.extended:
        _append(bits, frame_format.identifier >> 18, 11)
        bits.append(1)  # SRR
        bits.append(1)  # IDE
        _append(bits, frame_format.identifier & 0x3FFFF, 18)
    else:
        _append(bits, frame_format.identifier, 11)
    bits.append(1 if frame_format.remote else 0)


def _append_data(bits: list[int], frame_format: FrameFormat, data: bytes) -> None:
    if not frame_format.remote:
        for byte in data:
            _append(bits, byte, 8)


def _append_fd_crc(levels: list[int], stuff_bits: int, length: int) -> None:
    """Stuff count, parity and CRC, with a fixed stuff bit, the inverse of the bit before, in front of every four.

    The CRC covers the dynamic stuff bits and the stuff count, not the fixed stuff bits.
    """
    field: list[int] = []
    _append(field, _GRAY_CODE_AND_PARITY[stuff_bits % 8], 4)
    if length <= 16:
        _append(field, _crc(levels + field, 17, 0x1685B, 1 << 16), 17)
    else:
        _append(field, _crc(levels + field, 21, 0x102899, 1 << 20), 21)
    for place, bit in enumerate(field):
        if place % 4 == 0:
            levels.append(1 - levels[-1])
        levels.append(bit)


def _append_end(levels: list[int]) -> None:
    levels.append(RECESSIVE)  # CRC delimiter
    levels.append(DOMINANT)  # ACK slot
    levels.append(RECESSIVE)  # ACK delimiter
    levels.extend([RECESSIVE] * 7)  # end of frame


def _append(bits: list[int], value: int, width: int) -> None:
    """The bits of a number, the highest first."""
    bits.extend(value >> place & 1 for place in range(width - 1, -1, -1))


def _stuffed(bits: list[int]) -> tuple[list[int], int]:
    """Return the bits with a stuff bit after every five equal levels, but for one behind the last bit, and how many."""
    levels: list[int] = []
    run, stuff_bits = 0, 0
    for bit in bits:
        if run == _LONGEST_RUN:
            levels.append(1 - levels[-1])
            run = 1
            stuff_bits += 1
        run = run + 1 if levels and levels[-1] == bit else 1
        levels.append(bit)
    return levels, stuff_bits


def _run_at_end(levels: list[int]) -> int:
    """How many equal levels end with the last one."""
    run = 1
    while run < len(levels) and levels[-1 - run] == levels[-1]:
        run += 1
    return run


def _crc(bits: list[int], width: int, polynomial: int, initial: int) -> int:
    """Return the remainder after these bits; the polynomial is without its highest term."""
    crc = initial
    for bit in bits:
        highest = crc >> (width - 1)
        crc = (crc << 1) & ((1 << width) - 1)
        if highest != bit:
            crc ^= polynomial
    return crc
