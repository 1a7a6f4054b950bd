"""Exact frame lengths of whole fleets, by tables: the same bits as ``twin.network.frames.bits.frame_bits``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from twin.network.frames.bits import (
    CLASSIC_TAIL_BITS,
    CRC15_BITS,
    FD_TAIL_BITS,
    FrameFormat,
    bits_of,
    crc15,
    fd_crc_bits,
    fd_nominal_header_bits,
    header_bits,
)
from twin.network.frames.stuffing import (
    stuffed_after,
    stuffing_table,
    stuffing_table_of_last_byte,
    stuffing_table_of_pairs,
)

IntArray = NDArray[np.int64]
CLASSIC, FD, FD_SWITCHING = 0, 1, 2
"""Kinds of frames in ``FrameTables.headers``; remote frames are classic ones."""


def frame_bits_array(identifier: int, payloads: NDArray[np.uint8], *, extended: bool = False) -> IntArray:
    """Return the exact lengths of classic frames of one identifier: ``uint8[n, length]`` to ``int64[n]``.

    Equal to ``frame_bits(...).nominal_bits`` of every row. Raises InputError as ``frame_bits`` does.
    """
    count, length = payloads.shape
    header = _header_row(FrameFormat(identifier, length, extended))
    _, state, crc_of_zeros, bits, _, _ = np.full((count, len(header)), header).T
    return bits + _classic_stuff_bits(state, crc_of_zeros, np.ascontiguousarray(payloads))


@dataclass(frozen=True)
class FrameTables:
    """All that lengths of frames of several formats are made of, for an engine that finds them itself.

    With ``length, state, crc, nominal_bits, data_bits, kind`` from ``headers[format]``:

    - For each byte ``payload[i]``, i from 0 to ``length - 1``, look up ``entry = stuffing_8[state, payload[i]]``; the
      next ``state`` is ``entry & 7``, and ``entry >> 3`` stuff bits go into the frame. For the last byte of an FD frame
      (``kind`` not 0) take ``stuffing_8_last`` instead: no dynamic stuff bit follows the last data bit.
    - Classic (``kind`` 0, remote frames too): the stuff bits add to ``nominal_bits``. Each byte also changes the CRC,
      ``crc ^= self.crc[8 - length + i, payload[i]]``, and the CRC is stuffed behind the payload, by one entry of
      ``stuffing_7[state, crc >> 8]`` and one of ``stuffing_8[state, crc & 255]``.
    - FD (``kind`` 1 and 2): the stuff bits add to ``data_bits``, and the CRC does not matter.

    The frame then takes ``nominal_bits`` at the nominal bit rate, the interframe space of three bits included, and
    ``data_bits`` at the data bit rate if ``kind`` is 2, else at the nominal one.
    """

    headers: IntArray
    """``[format, 6]``: bytes of payload (0 for a remote frame), stuffing state after the header, CRC if all data bits
    were zero (0 for FD), nominal and data bits without the stuff bits of payload and CRC-15, and the kind: 0 classic,
    1 FD, 2 FD that switches its bit rate."""
    crc: IntArray
    """``[8, 256]``, ``[place, byte]``: what a byte adds (XOR) to the CRC; a payload's last byte has place 7."""
    stuffing_7: NDArray[np.uint8]
    """``[8, 128]``, ``[state, symbol]`` of 7 bits, first bit highest: the next state plus 8 times the stuff bits."""
    stuffing_8: NDArray[np.uint8]
    """``[8, 256]``, the same of 8 bits; a CRC is 7 bits and 8 bits."""
    stuffing_8_last: NDArray[np.uint8]
    """``[8, 256]``, the same of 8 bits without a stuff bit behind the last one; its states mean nothing."""


class FrameLengths:
    """Exact lengths of frames of several formats at once, classic, CAN FD and remote; a format is its index."""

    def __init__(self, formats: Sequence[FrameFormat]) -> None:
        self._headers = np.array([_header_row(one) for one in formats], np.int64).reshape(len(formats), 6)
        self.switches: NDArray[np.bool_] = self._headers[:, 5] == FD_SWITCHING
        """``[format]``: whether the data bits are sent at the data bit rate."""

    def bits(self, formats: IntArray, payloads: NDArray[np.uint8]) -> tuple[IntArray, IntArray]:
        """Return the nominal bits and the data bits of frames, ``int64[n]`` each, as ``frame_bits`` counts them.

        Frame i has the format of index ``formats[i]`` and the first bytes of ``payloads[i]``, ``uint8[n, 8]``, or
        ``uint8[n, 64]`` where frames carry more than 8 bytes; what lies behind them does not count.
        """
        length, state, crc_of_zeros, nominal_bits, data_bits, kind = self._headers[formats].T.copy()
        if not kind.any():
            return nominal_bits + _classic_stuff_bits_of(length, state, crc_of_zeros, payloads), data_bits
        classic, fd = np.flatnonzero(kind == CLASSIC), np.flatnonzero(kind != CLASSIC)
        nominal_bits[classic] += _classic_stuff_bits_of(
            length[classic], state[classic], crc_of_zeros[classic], payloads[classic]
        )
        data_bits[fd] += _fd_stuff_bits(length[fd], state[fd], payloads[fd])
        return nominal_bits, data_bits

    def tables(self) -> FrameTables:
        """Return what these lengths are made of."""
        return FrameTables(
            headers=self._headers.copy(),
            crc=_crc15_by_position(8),
            stuffing_7=stuffing_table(7),
            stuffing_8=stuffing_table(8),
            stuffing_8_last=stuffing_table_of_last_byte(),
        )


def _classic_stuff_bits_of(
    length: IntArray, state: IntArray, crc_of_zeros: IntArray, payloads: NDArray[np.uint8]
) -> IntArray:
    """Return the stuff bits of payload and CRC, by the faster way where all payloads have the same length."""
    if length.size and (length == length[0]).all():
        return _classic_stuff_bits(state, crc_of_zeros, np.ascontiguousarray(payloads[:, : length[0]]))
    return _mixed_stuff_bits(length, state, crc_of_zeros, payloads[:, :8])


def _mixed_stuff_bits(
    length: IntArray, state: IntArray, crc_of_zeros: IntArray, payloads: NDArray[np.uint8]
) -> IntArray:
    """Return the stuff bits of payload and CRC of classic frames of different lengths, byte by byte."""
    positions = np.arange(payloads.shape[1])
    within = positions < length[:, None]
    # A byte's share of the CRC hangs on the bytes behind it, so its place in the table counts from the end.
    shares = _crc15_by_position(8)[(positions + 8 - length[:, None]) % 8, payloads]
    crc = crc_of_zeros ^ np.bitwise_xor.reduce(np.where(within, shares, 0), axis=1)
    stuff_bits, table = np.zeros_like(length), stuffing_table(8)
    for position in range(int(length.max(initial=0))):
        entry = np.where(within[:, position], table[state, payloads[:, position]], state)
        state = entry & 7
        stuff_bits += entry >> 3
    return stuff_bits + (stuffing_table(CRC15_BITS)[state, crc] >> 3)


def _fd_stuff_bits(length: IntArray, state: IntArray, payloads: NDArray[np.uint8]) -> IntArray:
    """Return the dynamic stuff bits of the payload of CAN FD frames of any lengths, byte by byte."""
    stuff_bits = np.zeros_like(length)
    for position in range(int(length.max(initial=0))):
        byte = payloads[:, position]
        last = stuffing_table_of_last_byte()[state, byte]
        entry = np.where(length == position + 1, last, stuffing_table(8)[state, byte])
        entry[length <= position] = 0
        state = (entry & 7).astype(np.int64)
        stuff_bits += entry >> 3
    return stuff_bits


def _classic_stuff_bits(state: IntArray, crc_of_zeros: IntArray, payloads: NDArray[np.uint8]) -> IntArray:
    """Return the stuff bits of payload and CRC of classic frames of one length, by pairs of bytes."""
    count, length = payloads.shape
    crc = crc_of_zeros.copy()
    if length:
        crc ^= np.bitwise_xor.reduce(_crc15_by_position(length)[np.arange(length), payloads], axis=1)
    pairs = length // 2
    words = payloads[:, : 2 * pairs].reshape(-1).view("<u2").reshape(count, pairs) if pairs else payloads
    steps = [(stuffing_table_of_pairs(), words[:, pair]) for pair in range(pairs)]
    if length % 2:
        steps.append((stuffing_table(8), payloads[:, -1]))
    steps.append((stuffing_table(CRC15_BITS), crc))
    stuff_bits = np.zeros(count, np.int64)
    for table, symbols in steps:
        entry = table[state, symbols]
        state = entry & 7
        stuff_bits += entry >> 3
    return stuff_bits


@cache
def _header_row(frame_format: FrameFormat) -> tuple[int, int, int, int, int, int]:
    """Return a row of ``FrameTables.headers``: what the payload meets."""
    header, length = header_bits(frame_format), frame_format.payload_bytes
    state, followed = stuffed_after(header)
    if not frame_format.fd:
        bits = len(header) + sum(followed) + 8 * length + CRC15_BITS + CLASSIC_TAIL_BITS
        return length, state, crc15(header + [0] * 8 * length), bits, 0, CLASSIC
    nominal = fd_nominal_header_bits(frame_format)
    data_followed = followed[nominal:] if length else followed[nominal:-1]  # nothing follows the last bit of all
    nominal_bits = nominal + sum(followed[:nominal]) + FD_TAIL_BITS
    data_bits = len(header) - nominal + sum(data_followed) + 8 * length + fd_crc_bits(length)
    return length, state, 0, nominal_bits, data_bits, FD_SWITCHING if frame_format.bit_rate_switch else FD


@cache
def _crc15_by_position(length: int) -> IntArray:
    """``table[position, byte]``: what a byte adds (XOR) to the CRC of ``length`` bytes; CRCs are linear."""
    trailing = [8 * (length - 1 - position) for position in range(length)]
    rows = [[crc15(bits_of(byte, 8) + [0] * zeros) for byte in range(256)] for zeros in trailing]
    return np.array(rows, np.int64)
