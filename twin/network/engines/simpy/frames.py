"""What the readable engine knows of frames: instances of messages, and the nanoseconds that their bits take."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

from twin.network.frames.bits import FD_TAIL_BITS, INTERFRAME_BITS, FrameBits, FrameFormat, formatted_bits
from twin.network.frames.wire import ERROR_DELIMITER_BITS, ERROR_FLAG_BITS, error_flag_bits, wire_frame
from twin.network.network import Segment

ACK_SLOT_FROM_END = 9
"""ACK slot, ACK delimiter and seven EOF bits."""
AFTER_FLAGS_BITS = ERROR_DELIMITER_BITS + INTERFRAME_BITS


@dataclass(slots=True, eq=False)
class Instance:
    """One instance of a message: from its release on, the same through all attempts to send it."""

    message: int
    release_ns: int
    frame_format: FrameFormat
    payload: bytes
    """As wide as all payloads of the network; 0 beyond the frame's length."""
    nominal_bits: int
    """With the interframe space; all bits of a frame that does not switch its bit rate."""
    data_bits: int
    """Bits at the data bit rate."""
    seen_after_ns: int
    """From the frame's start to the end of its last bit."""
    finish_after_ns: int
    """From the frame's start to the end of the interframe space."""
    without_content: bool
    """The message has ``frame_bits``."""

    @property
    def bits(self) -> int:
        """Bits on the wire, the interframe space left out."""
        return self.nominal_bits + self.data_bits - INTERFRAME_BITS

    @property
    def ack_slot(self) -> int:
        """Index of the ACK slot."""
        return self.bits - ACK_SLOT_FROM_END

    def bits_to(self, bit: int) -> tuple[int, int]:
        """Return how many nominal and how many data bits there are from the start to the end of a bit."""
        behind_header = bit + 1 - (self.nominal_bits - FD_TAIL_BITS)
        data_bits = min(max(behind_header, 0), self.data_bits)
        return bit + 1 - data_bits, data_bits

    def flag_bits(self, bit: int, *, sender_passive: bool) -> int:
        """Return how long the error flags are that follow a wrong bit."""
        if self.without_content:
            return 2 * ERROR_FLAG_BITS
        frame = wire_frame(self.frame_format, self.payload[: self.frame_format.length])
        return error_flag_bits(frame, bit, sender_passive=sender_passive)


class Timing:
    """The durations on one segment, each rounded by itself to the nearest nanosecond, half to even."""

    def __init__(self, segment: Segment) -> None:
        self.bitrate_bit_s = segment.bitrate_bit_s
        self.data_bitrate_bit_s = segment.data_bitrate_bit_s or segment.bitrate_bit_s

    def duration_ns(self, nominal_bits: int, data_bits: int = 0) -> int:
        """Return how long so many bits take."""
        return round(nominal_bits * 1e9 / self.bitrate_bit_s + data_bits * 1e9 / self.data_bitrate_bit_s)

    def to_end_of_bit_ns(self, instance: Instance, bit: int) -> int:
        """Return the time from a frame's start to the end of one of its bits."""
        return self.duration_ns(*instance.bits_to(bit))

    def bit_at(self, instance: Instance, after_ns: int) -> int:
        """Return the bit that is on the wire so long after a frame's start."""
        return bisect_right(range(instance.bits), after_ns, key=lambda bit: self.to_end_of_bit_ns(instance, bit))


@lru_cache(maxsize=4096)
def bits_of_frame(frame_format: FrameFormat, data: bytes) -> FrameBits:
    """Return the length of a frame, remembered: most frames come again."""
    return formatted_bits(frame_format, data)
