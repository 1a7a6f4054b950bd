"""How many bits a CAN frame takes on the wire, to the bit, from its identifier and payload.

A classic frame is stuffed from the start of frame to the end of the CRC sequence, so its length depends on the CRC-15
of the real payload. A CAN FD frame (ISO 11898-1:2015) is stuffed only up to its last data bit; its CRC-17 or CRC-21
carries fixed stuff bits, so that the value of that CRC never changes the length and is not computed here.

``frame_bits`` is the readable truth; ``frame_bits_array`` is the same for whole fleets, by tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from twin.errors import InputError, Problem

INTERFRAME_BITS = 3
CLASSIC_TAIL_BITS = 10 + INTERFRAME_BITS
"""CRC delimiter, ACK slot, ACK delimiter and seven EOF bits, then the interframe space."""
FD_TAIL_BITS = 9 + INTERFRAME_BITS
"""As above without the CRC delimiter, at whose sample point CAN FD returns to the nominal bit rate."""
CLASSIC_LENGTHS = tuple(range(9))
FD_LENGTHS = (*CLASSIC_LENGTHS, 12, 16, 20, 24, 32, 48, 64)

_CRC15_POLYNOMIAL = 0x4599
_LONGEST_RUN = 5


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
    identifier: int, data: bytes, *, extended: bool = False, fd: bool = False, bit_rate_switch: bool = False
) -> FrameBits:
    """Return the exact length of a data frame.

    ``extended`` means an identifier of 29 bits, ``fd`` a CAN FD frame (of an error-active sender).
    Raises InputError if the identifier does not fit, or the data has a length that no frame has.
    """
    _check(identifier, len(data), extended=extended, fd=fd, bit_rate_switch=bit_rate_switch)
    payload = _bits_of(int.from_bytes(data, "big"), 8 * len(data))
    if fd:
        return _fd_frame_bits(_fd_header(identifier, extended, bit_rate_switch), len(data), payload)
    content = _classic_header(identifier, extended, len(data)) + payload
    stuff_bits = sum(_stuffed_after(content + _bits_of(_crc15(content), 15)))
    return FrameBits(len(content) + 15 + stuff_bits + CLASSIC_TAIL_BITS, 0, stuff_bits)


def worst_frame_bits(length: int, *, extended: bool = False, fd: bool = False) -> int:
    """Return the most bits that a data frame of ``length`` bytes can take, the interframe space included.

    Classic: Davis, Burns, Bril, Lukkien 2007, equation 1. CAN FD: one stuff bit for every four bits, and none after
    the last data bit.
    Raises InputError if no frame has that length.
    """
    _check(0, length, extended=extended, fd=fd, bit_rate_switch=False)
    if fd:
        header_bits = 36 if extended else 17
        stuffed_bits = header_bits + 5 + 8 * length
        return stuffed_bits + (stuffed_bits - 2) // 4 + _fd_crc_bits(length) + FD_TAIL_BITS
    stuffed_bits = (54 if extended else 34) + 8 * length
    return stuffed_bits + (stuffed_bits - 1) // 4 + CLASSIC_TAIL_BITS


def frame_bits_array(identifier: int, payloads: NDArray[np.uint8], *, extended: bool = False) -> NDArray[np.int64]:
    """Return the exact lengths of classic frames of one identifier: ``uint8[n, length]`` to ``int64[n]``.

    Equal to ``frame_bits(...).nominal_bits`` of every row. Raises InputError as ``frame_bits`` does.
    """
    count, length = payloads.shape
    header = _header_state(identifier, extended, length)
    run_state, crc_of_zeros, bits = np.full((count, 3), (header.run_state, header.crc_of_zeros, header.bits)).T
    return _classic_bits(run_state, crc_of_zeros, bits, np.ascontiguousarray(payloads))


@dataclass(frozen=True)
class FrameTables:
    """All that lengths of classic frames of several identifiers are made of, for an engine that finds them itself."""

    headers: NDArray[np.int64]
    """``[message, 4]``: bytes of payload, stuffing state after the header, CRC if all data bits were zero, and bits
    of the frame without the stuff bits of payload and CRC."""
    crc: NDArray[np.int64]
    """``[place, byte]``: what a byte adds (XOR) to the CRC; the last byte of every payload has place 7."""
    stuffing_7: NDArray[np.uint8]
    """``[state, symbol]`` of 7 bits, first bit highest: the next state plus 8 times the stuff bits."""
    stuffing_8: NDArray[np.uint8]
    """The same of 8 bits; a CRC is 7 bits and 8 bits."""


class FrameLengths:
    """Exact lengths of classic frames of several identifiers at once, ``(identifier, extended, length)`` each."""

    def __init__(self, messages: Sequence[tuple[int, bool, int]]) -> None:
        headers = [_header_state(*message) for message in messages]
        self._length = np.array([length for _, _, length in messages], np.int64)
        self._run_state = np.array([header.run_state for header in headers], np.int64)
        self._crc_of_zeros = np.array([header.crc_of_zeros for header in headers], np.int64)
        self._bits = np.array([header.bits for header in headers], np.int64)

    def bits(self, message: NDArray[np.int64], payloads: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the lengths of frames of ``message[n]``, an index, with ``payloads[n, 8]``: ``int64[n]``."""
        length = self._length[message]
        header = self._run_state[message], self._crc_of_zeros[message], self._bits[message]
        if length.size and (length == length[0]).all():
            return _classic_bits(*header, np.ascontiguousarray(payloads[:, : length[0]]))
        return _mixed_bits(*header, length, payloads)

    def tables(self) -> FrameTables:
        """Return what these lengths are made of."""
        headers = np.stack([self._length, self._run_state, self._crc_of_zeros, self._bits], axis=1)
        return FrameTables(headers, _crc15_by_position(8), _stuffing(7), _stuffing(8))


def _mixed_bits(
    run_state: NDArray[np.int64],
    crc_of_zeros: NDArray[np.int64],
    header_bits: NDArray[np.int64],
    length: NDArray[np.int64],
    payloads: NDArray[np.uint8],
) -> NDArray[np.int64]:
    """Return the lengths of frames of different payload lengths, ``payloads[n, 8]``, byte by byte."""
    positions = np.arange(8)
    within = positions < length[:, None]
    # A byte's share of the CRC hangs on the bytes behind it, so its place in the table counts from the end.
    shares = _crc15_by_position(8)[(positions + 8 - length[:, None]) % 8, payloads]
    crc = crc_of_zeros ^ np.bitwise_xor.reduce(np.where(within, shares, 0), axis=1)
    state, bits, table = run_state, header_bits.copy(), _stuffing(8)
    for position in range(int(length.max(initial=0))):
        entry = np.where(within[:, position], table[state, payloads[:, position]], state)
        state = entry & 7
        bits += entry >> 3
    return bits + (_stuffing(15)[state, crc] >> 3)


def _classic_bits(
    run_state: NDArray[np.int64],
    crc_of_zeros: NDArray[np.int64],
    header_bits: NDArray[np.int64],
    payloads: NDArray[np.uint8],
) -> NDArray[np.int64]:
    """Return the lengths of frames of one payload length, ``uint8[n, length]``, given what the headers leave."""
    count, length = payloads.shape
    crc = crc_of_zeros.copy()
    if length:
        crc ^= np.bitwise_xor.reduce(_crc15_by_position(length)[np.arange(length), payloads], axis=1)
    pairs = length // 2
    words = payloads[:, : 2 * pairs].reshape(-1).view("<u2").reshape(count, pairs) if pairs else payloads
    steps = [(_stuffing_of_pairs(), words[:, pair]) for pair in range(pairs)]
    if length % 2:
        steps.append((_stuffing(8), payloads[:, -1]))
    steps.append((_stuffing(15), crc))
    state: NDArray[np.int64] | NDArray[np.uint8] = run_state
    bits = header_bits.copy()
    for table, symbols in steps:
        entry = table[state, symbols]
        state = entry & 7
        bits += entry >> 3
    return bits


def _check(identifier: int, length: int, *, extended: bool, fd: bool, bit_rate_switch: bool) -> None:
    problems = []
    width = 29 if extended else 11
    if not 0 <= identifier < 1 << width:
        problems.append(Problem(f"identifier {identifier:#x} does not fit into {width} bits", path="identifier"))
    if length not in (FD_LENGTHS if fd else CLASSIC_LENGTHS):
        expected = "0..8, 12, 16, 20, 24, 32, 48 or 64" if fd else "0..8"
        suggestion = None if fd else "CAN FD carries up to 64 bytes"
        kind = "CAN FD" if fd else "classic"
        found = f"a {kind} frame carries {expected} bytes, found {length}"
        problems.append(Problem(found, path="data", suggestion=suggestion))
    if bit_rate_switch and not fd:
        problems.append(Problem("a classic frame cannot switch its bit rate", path="bit_rate_switch"))
    if problems:
        raise InputError(problems)


def _bits_of(value: int, width: int) -> list[int]:
    return [value >> shift & 1 for shift in range(width - 1, -1, -1)]


def _classic_header(identifier: int, extended: bool, length: int) -> list[int]:
    """Start of frame, arbitration field and control field; RTR, IDE and the reserved bits are dominant."""
    if extended:
        arbitration = [*_bits_of(identifier >> 18, 11), 1, 1, *_bits_of(identifier & 0x3FFFF, 18), 0, 0, 0]
    else:
        arbitration = [*_bits_of(identifier, 11), 0, 0, 0]
    return [0, *arbitration, *_bits_of(length, 4)]


def _fd_header(identifier: int, extended: bool, bit_rate_switch: bool) -> list[int]:
    """Start of frame to BRS: everything at the nominal bit rate; RRS and res are dominant, FDF is recessive."""
    if extended:
        arbitration = [*_bits_of(identifier >> 18, 11), 1, 1, *_bits_of(identifier & 0x3FFFF, 18), 0]
    else:
        arbitration = [*_bits_of(identifier, 11), 0, 0]
    return [0, *arbitration, 1, 0, int(bit_rate_switch)]


def _fd_frame_bits(header: Sequence[int], length: int, payload: Sequence[int]) -> FrameBits:
    content = [*header, 0, *_bits_of(FD_LENGTHS.index(length), 4), *payload]
    stuffed_after = _stuffed_after(content)
    header_stuff_bits = sum(stuffed_after[: len(header)])
    data_stuff_bits = sum(stuffed_after[len(header) : -1])  # no dynamic stuff bit follows the last data bit
    return FrameBits(
        nominal_bits=len(header) + header_stuff_bits + FD_TAIL_BITS,
        data_bits=len(content) - len(header) + data_stuff_bits + _fd_crc_bits(length),
        dynamic_stuff_bits=header_stuff_bits + data_stuff_bits,
    )


def _fd_crc_bits(length: int) -> int:
    """Stuff count and parity, CRC-17 or CRC-21, a fixed stuff bit before every fourth of these bits, CRC delimiter."""
    return 4 + 17 + 6 + 1 if length <= 16 else 4 + 21 + 7 + 1


def _crc15(bits: Iterable[int]) -> int:
    crc = 0
    for bit in bits:
        crc = crc << 1 ^ (_CRC15_POLYNOMIAL if bit ^ crc >> 14 else 0)
        crc &= 0x7FFF
    return crc


def _stuffed_after(bits: Sequence[int]) -> list[int]:
    """Return for every bit whether (0 or 1) a stuff bit follows it."""
    state, followed = _IDLE, []
    for bit in bits:
        state, stuffed = _shift(state, bit)
        followed.append(stuffed)
    return followed


def _run_state(bit: int, run: int) -> int:
    """One of eight states: the level of the bus, and for how many bits (1 to 4) it has been there."""
    return bit << 2 | run - 1


_IDLE = _run_state(1, 1)
"""An idle bus is recessive; the start of frame ends that run, however long it was."""


def _shift(state: int, bit: int) -> tuple[int, int]:
    """Send one bit; return the new state and whether a stuff bit, already part of the new state, followed."""
    level, run = state >> 2, (state & 3) + 1
    if bit != level:
        return _run_state(bit, 1), 0
    if run + 1 < _LONGEST_RUN:
        return _run_state(bit, run + 1), 0
    return _run_state(1 - bit, 1), 1


@dataclass(frozen=True)
class _HeaderState:
    """What the payload meets: the stuffing state after the header, and the CRC if all data bits were zero."""

    run_state: int
    crc_of_zeros: int
    bits: int
    """Bits of the frame without the stuff bits of payload and CRC."""


@cache
def _header_state(identifier: int, extended: bool, length: int) -> _HeaderState:
    _check(identifier, length, extended=extended, fd=False, bit_rate_switch=False)
    header = _classic_header(identifier, extended, length)
    state, stuff_bits = _IDLE, 0
    for bit in header:
        state, stuffed = _shift(state, bit)
        stuff_bits += stuffed
    fixed_bits = len(header) + 8 * length + 15 + CLASSIC_TAIL_BITS
    return _HeaderState(state, _crc15(header + [0] * 8 * length), fixed_bits + stuff_bits)


@cache
def _crc15_by_position(length: int) -> NDArray[np.int64]:
    """``table[position, byte]``: what a byte adds (XOR) to the CRC of ``length`` bytes; CRCs are linear."""
    trailing = [8 * (length - 1 - position) for position in range(length)]
    rows = [[_crc15(_bits_of(byte, 8) + [0] * zeros) for byte in range(256)] for zeros in trailing]
    return np.array(rows, np.int64)


@cache
def _stuffing(width: int) -> NDArray[np.uint8]:
    """``table[state, symbol]`` of ``width`` bits, first bit highest: the next state plus 8 times the stuff bits."""
    if width == 1:
        rows = [[_shift(state, bit) for bit in (0, 1)] for state in range(8)]
        return np.array([[state | stuffed << 3 for state, stuffed in row] for row in rows], np.uint8)
    first, rest = _stuffing(width // 2), _stuffing(width - width // 2)
    entry = first[:, :, None]
    following = rest[entry & 7, np.arange(rest.shape[1])]
    return (following + (entry & ~np.uint8(7))).reshape(8, -1)


@cache
def _stuffing_of_pairs() -> NDArray[np.uint8]:
    """``table[state, word]`` of two bytes as they lie in memory: the first one, sent first, is the lower half."""
    by_time = _stuffing(16).reshape(8, 256, 256)
    return np.ascontiguousarray(by_time.swapaxes(1, 2)).reshape(8, -1)
