"""How many bits a CAN frame takes on the wire, to the bit, from its identifier and payload.

A classic frame is stuffed from the start of frame to the end of the CRC sequence, so its length depends on the CRC-15
of the real payload. A CAN FD frame (ISO 11898-1:2015) is stuffed only up to its last data bit; its CRC-17 or CRC-21
carries fixed stuff bits, so that the value of that CRC never changes the length and is not computed here.

``frame_bits`` is the readable truth; ``twin.network.frames.lengths`` finds the same for whole fleets, by tables, and
``twin.network.frames.wire`` puts the frame onto the wire bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from twin.errors import InputError, Problem
from twin.network.frames.stuffing import stuffed_after

INTERFRAME_BITS = 3
CLASSIC_TAIL_BITS = 10 + INTERFRAME_BITS
"""CRC delimiter, ACK slot, ACK delimiter and seven EOF bits, then the interframe space."""
FD_TAIL_BITS = 9 + INTERFRAME_BITS
"""As above without the CRC delimiter, at whose sample point CAN FD returns to the nominal bit rate."""
CLASSIC_LENGTHS = tuple(range(9))
FD_LENGTHS = (*CLASSIC_LENGTHS, 12, 16, 20, 24, 32, 48, 64)

CRC15_BITS = 15
_CRC15_POLYNOMIAL = 0x4599


@dataclass(frozen=True)
class FrameFormat:
    """All of a frame but its data.

    Raises InputError if the identifier does not fit, no frame has that length, or the options exclude each other.
    """

    identifier: int
    length: int
    """Bytes of data: those that the frame carries, or those that a remote frame asks for."""
    extended: bool = False
    """The identifier has 29 bits, not 11."""
    fd: bool = False
    """A CAN FD frame, of an error-active sender."""
    bit_rate_switch: bool = False
    """A CAN FD frame whose data phase is sent at the data bit rate."""
    remote: bool = False
    """A remote frame: it carries no data."""

    def __post_init__(self) -> None:
        problems = [*_identifier_problems(self), *_length_problems(self), *_option_problems(self)]
        if problems:
            raise InputError(problems)

    @property
    def payload_bytes(self) -> int:
        """Bytes of data that the frame itself carries."""
        return 0 if self.remote else self.length


@dataclass(frozen=True)
class FrameBits:
    """The length of one frame in bits."""

    nominal_bits: int
    """Bits at the nominal bit rate, the interframe space of three bits included."""
    data_bits: int
    """Bits between the switch points of a CAN FD frame; 0 for a classic frame."""
    dynamic_stuff_bits: int
    """How many of all these bits are stuff bits that depend on the content."""


def frame_bits(
    identifier: int,
    data: bytes,
    *,
    extended: bool = False,
    fd: bool = False,
    bit_rate_switch: bool = False,
    remote: bool = False,
) -> FrameBits:
    """Return the exact length of a data frame, or of a remote frame that asks for as many bytes as ``data`` has.

    ``extended`` means an identifier of 29 bits, ``fd`` a CAN FD frame (of an error-active sender).
    Raises InputError if the identifier does not fit, or the data has a length that no frame has.
    """
    return formatted_bits(FrameFormat(identifier, len(data), extended, fd, bit_rate_switch, remote), data)


def formatted_bits(frame_format: FrameFormat, data: bytes) -> FrameBits:
    """Return the exact length of a frame of a format; ``data`` is as long as the format says."""
    payload = [] if frame_format.remote else bits_of(int.from_bytes(data, "big"), 8 * len(data))
    if frame_format.fd:
        return _fd_frame_bits(frame_format, payload)
    content = [*header_bits(frame_format), *payload]
    _, followed = stuffed_after(content + bits_of(crc15(content), CRC15_BITS))
    return FrameBits(len(followed) + sum(followed) + CLASSIC_TAIL_BITS, 0, sum(followed))


def worst_frame_bits(length: int, *, extended: bool = False, fd: bool = False, remote: bool = False) -> int:
    """Return the most bits that a frame of ``length`` bytes can take, the interframe space included.

    Classic: Davis, Burns, Bril, Lukkien 2007, equation 1; a remote frame is one without data. CAN FD: one stuff bit
    for every four bits, and none after the last data bit.
    Raises InputError if no frame has that length.
    """
    payload_bits = 8 * FrameFormat(0, length, extended, fd, remote=remote).payload_bytes
    if fd:
        stuffed_bits = (36 if extended else 17) + 5 + payload_bits
        return stuffed_bits + (stuffed_bits - 2) // 4 + fd_crc_bits(length) + FD_TAIL_BITS
    stuffed_bits = (54 if extended else 34) + payload_bits
    return stuffed_bits + (stuffed_bits - 1) // 4 + CLASSIC_TAIL_BITS


def header_bits(frame_format: FrameFormat) -> list[int]:
    """Return the bits before the data, without stuff bits: start of frame, arbitration field, control field.

    RRS and the reserved bits are dominant, and so is ESI, as error-active senders have it.
    """
    identifier, length = frame_format.identifier, frame_format.length
    requests = int(frame_format.remote)  # RTR, or RRS
    if frame_format.extended:
        arbitration = [*bits_of(identifier >> 18, 11), 1, 1, *bits_of(identifier & 0x3FFFF, 18), requests]
    else:
        arbitration = [*bits_of(identifier, 11), requests, 0]
    if frame_format.fd:
        return [0, *arbitration, 1, 0, int(frame_format.bit_rate_switch), 0, *bits_of(FD_LENGTHS.index(length), 4)]
    reserved = [0, 0] if frame_format.extended else [0]
    return [0, *arbitration, *reserved, *bits_of(length, 4)]


def fd_nominal_header_bits(frame_format: FrameFormat) -> int:
    """Return how many bits of a CAN FD header come before the data phase: all but ESI and DLC."""
    return 36 if frame_format.extended else 17


def fd_crc_bits(length: int) -> int:
    """Stuff count and parity, CRC-17 or CRC-21, a fixed stuff bit before every fourth of these bits, CRC delimiter."""
    return 4 + 17 + 6 + 1 if length <= 16 else 4 + 21 + 7 + 1


def crc15(bits: Iterable[int]) -> int:
    """Return the CRC sequence of a classic frame whose bits, without stuff bits, begin like this."""
    crc = 0
    for bit in bits:
        crc = crc << 1 ^ (_CRC15_POLYNOMIAL if bit ^ crc >> 14 else 0)
        crc &= 0x7FFF
    return crc


def bits_of(value: int, width: int) -> list[int]:
    """Return the bits of a number in the order in which CAN sends them, the highest first."""
    return [value >> shift & 1 for shift in range(width - 1, -1, -1)]


def _fd_frame_bits(frame_format: FrameFormat, payload: list[int]) -> FrameBits:
    content = [*header_bits(frame_format), *payload]
    _, followed = stuffed_after(content)
    nominal = fd_nominal_header_bits(frame_format)
    header_stuff_bits = sum(followed[:nominal])
    data_stuff_bits = sum(followed[nominal:-1])  # no dynamic stuff bit follows the last data bit
    return FrameBits(
        nominal_bits=nominal + header_stuff_bits + FD_TAIL_BITS,
        data_bits=len(content) - nominal + data_stuff_bits + fd_crc_bits(frame_format.length),
        dynamic_stuff_bits=header_stuff_bits + data_stuff_bits,
    )


def _identifier_problems(frame_format: FrameFormat) -> Iterable[Problem]:
    width = 29 if frame_format.extended else 11
    if not 0 <= frame_format.identifier < 1 << width:
        yield Problem(f"identifier {frame_format.identifier:#x} does not fit into {width} bits", path="identifier")


def _length_problems(frame_format: FrameFormat) -> Iterable[Problem]:
    fd, remote, length = frame_format.fd, frame_format.remote, frame_format.length
    if length in (FD_LENGTHS if fd else CLASSIC_LENGTHS):
        return
    what = "a CAN FD frame carries" if fd else "a remote frame asks for" if remote else "a classic frame carries"
    expected = "0..8, 12, 16, 20, 24, 32, 48 or 64" if fd else "0..8"
    suggestion = None if fd or remote else "CAN FD carries up to 64 bytes"
    yield Problem(f"{what} {expected} bytes, found {length}", path="data", suggestion=suggestion)


def _option_problems(frame_format: FrameFormat) -> Iterable[Problem]:
    if frame_format.bit_rate_switch and not frame_format.fd:
        yield Problem("a classic frame cannot switch its bit rate", path="bit_rate_switch")
    if frame_format.remote and frame_format.fd:
        yield Problem("CAN FD has no remote frames", path="remote", suggestion="ask with a classic frame")
