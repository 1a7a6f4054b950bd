"""How early a transfer may end: a bound from below, so that a task need not look before."""

from __future__ import annotations

from twin.network.engines.iso_tp import first_frame_header, single_frame
from twin.network.frames.bits import worst_frame_bits
from twin.network.network import SHORTEST_FRAME_BITS, Message, Network

_EXTENDED_BITS = 20
"""Further bits of an extended frame, at least."""
_FD_NOMINAL_BITS = 26
"""Of a CAN FD frame outside the switch points, at least: 15 before them, 11 and more behind."""
_ROUNDING_NS = 2
"""Start and end of a frame are rounded to the nearest nanosecond, each by itself."""


class Outlook:
    """A link's transfers as frames; see ``iso_tp``. ``message`` is the one that carries its data."""

    def __init__(self, network: Network, link: int) -> None:
        self.message = network.channels[link // 2].response if link % 2 else network.channels[link // 2].request
        self._channel = network.channels[link // 2]
        one = network.messages[self.message]
        segment = network.segments[network.segment_of(self.message)]
        self._message_bytes = one.length
        bit_ns = 1e9 / segment.bitrate_bit_s
        data_bit_ns = 1e9 / (segment.data_bitrate_bit_s or segment.bitrate_bit_s)
        self._frame_ns = _shortest_ns(one, bit_ns, data_bit_ns) - _ROUNDING_NS
        longest_bits = one.frame_bits or worst_frame_bits(one.length, extended=one.extended, fd=one.fd)
        self._spread_ns = int(longest_bits * bit_ns)

    def frames(self, data: bytes) -> int:
        """Return how many frames a transfer takes, flow control aside."""
        if single_frame(data[: self._message_bytes], self._message_bytes, self._channel.padding) is not None:
            return 1
        first_bytes = self._message_bytes - len(first_frame_header(len(data)))
        return 1 + -(-(len(data) - first_bytes) // (self._message_bytes - 1))

    def least_ns(self, frames: int) -> int:
        """Return the least time until the last of so many frames that have not been seen yet is seen.

        The first of them may be seen at any instant from now on. STmin lies between the starts of frames of one block.
        """
        gaps = max(0, frames - 1)
        blocks = 1 + -(-gaps // self._channel.block_size) if self._channel.block_size else 1
        apart_ns = (gaps - blocks) * self._channel.stmin_ns - self._spread_ns
        return max(gaps * self._frame_ns, apart_ns)


def _shortest_ns(message: Message, bit_ns: float, data_bit_ns: float) -> int:
    """Return the time from the end of a frame to that of a next one which is full and has no stuff bit."""
    if message.frame_bits is not None:
        return int(message.frame_bits * bit_ns)
    if message.fd:
        return int(_FD_NOMINAL_BITS * bit_ns + 8 * message.length * data_bit_ns)
    return int((SHORTEST_FRAME_BITS + _EXTENDED_BITS * message.extended + 8 * message.length) * bit_ns)
