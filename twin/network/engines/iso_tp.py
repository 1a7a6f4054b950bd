"""ISO-TP (ISO 15765-2): how a transfer becomes frames, and frames a transfer.

A link has a sender and a receiver, two state machines that read no clock and touch no bus; an engine tells them what
happened and releases the frames that they answer with. The data of a link go out as its data message, flow control
comes back as its reply message; on a channel with both links busy each message carries both.

Frames by their first byte: 0x0n single frame (n bytes; CAN FD beyond 8 bytes: 0x00, length), 0x1n nn first frame
(beyond 4095 bytes: 0x10 0x00, 32-bit length), 0x2n consecutive frame (n counts 1..15, 0, 1..), 0x3s flow control
(status s, block size, STmin). First and consecutive frames are as long as the message allows. The last consecutive
frame, a single frame and a flow control are filled with the channel's padding up to 8 bytes; beyond 8 bytes CAN FD
frames are filled up to the next length that exists, with 0xCC where the channel has no padding.

All flow controls state the channel's block size and STmin. Single frames are shortest where the data allow: up to 7
bytes of data as 0x0n, also in a CAN FD message.

Sender, one transfer after another; a transfer begins at its instant, or when the one before it ends:
- the data fit into a single frame: release it; when it is seen the transfer is SENT.
- else release the first frame; when it is seen wait for flow control, at most ``timeout_ns``: NO_FLOW_CONTROL.
- flow control, seen while waiting: *continue to send* begins a block: release the next consecutive frame
  ``separation_ns`` later; *wait* (1) starts the waiting time again, at most ten times in a row: REFUSED; *overflow*
  (2): OVERFLOW; any other: REFUSED. Not while waiting: ignored.
- a consecutive frame is seen at s and had started at b: all data sent: SENT; else the block is complete: wait for flow
  control; else release the next one at the later of ``s + separation_ns`` and ``b + STmin``.
- a frame that is not seen within ``timeout_ns`` after its release: NOT_SENT. (The bus may still send it.)

Receiver:
- single frame: RECEIVED. A reception that was going on is INTERRUPTED first, also by a first frame.
- first frame: longer than ``buffer_bytes``: release *overflow* ``flow_control_ns`` later; else release *continue to
  send* with the channel's block size and STmin, and await consecutive frames until ``timeout_ns`` after that release.
- consecutive frame with the right count: at the last one RECEIVED; a block is complete: *continue to send*
  ``flow_control_ns`` later, and await until ``timeout_ns`` after that release; else await until ``timeout_ns`` after
  now. Wrong count: OUT_OF_SEQUENCE. None going on: ignored.
- waiting in vain: NO_CONSECUTIVE_FRAME.
A frame that is none of these, or shorter than what it says of itself, is ignored. In particular a single frame of more
than 8 bytes has to begin with 0x00; a first frame has at least 8 bytes, and more data than it carries itself; a
consecutive frame carries at least a byte, and as much of what is missing as it has; a flow control has 3 bytes. A first
frame with a 32-bit length of up to 4095 bytes is none (ISO 15765-2:2016, 9.6.3.2).

A sender is confirmed by its own frame only, the last one that it released; receivers go by content, whoever sent it.
What has been released stays so, whatever becomes of its transfer.

STmin bytes: 0x00 to 0x7F are milliseconds, 0xF1 to 0xF9 are 100 to 900 us, all others mean 127 ms.
A node that is switched off has LOST the transfer under way at either end (its sender's queue too, each of them).
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from twin.network.engines.records import Outcome
from twin.network.frames.bits import CLASSIC_LENGTHS, FD_LENGTHS
from twin.network.network import STMIN_MS_NS, STMIN_US_NS, Channel

SINGLE, FIRST, CONSECUTIVE, FLOW_CONTROL = range(4)
"""The kind of a frame: the high half of its first byte."""
CONTINUE, WAIT, OVERFLOW = range(3)
"""The status of a flow control."""
MOST_WAITS = 10
"""In a row."""
SHORT_BYTES = 8
"""Up to here a frame is filled with the channel's padding, and a single frame has its length in its first byte."""
FILL = 0xCC
"""What CAN FD frames are filled with where the channel has no padding."""
LONGEST_STMIN_NS = 127_000_000
_SHORT_FIRST_BYTES = (1 << 12) - 1
"""The longest transfer whose first frame has a length of 12 bits."""


class Release(NamedTuple):
    """A frame to be released."""

    time_ns: int
    frame: bytes


class End(NamedTuple):
    """The end of a transfer; ``data`` is what was received."""

    outcome: Outcome
    data: bytes = b""


Answer = Release | End


class LinkSender:
    """The sending end of a link whose data message has ``message_bytes``.

    After every call ``deadline_ns`` is when ``expired`` is due, None if it is not.
    """

    def __init__(self, channel: Channel, message_bytes: int) -> None:
        self.deadline_ns: int | None = None
        self._channel = channel
        self._message_bytes = message_bytes
        self._queue: deque[bytes] = deque()
        self._data = b""
        self._sent_bytes = 0
        self._number = 0
        """Of the last consecutive frame."""
        self._left_in_block: int | None = None
        """Consecutive frames until the next flow control; None: all."""
        self._stmin_ns = 0
        self._waits = 0
        self._awaits_flow_control = False

    def transfer(self, now_ns: int, data: bytes) -> list[Answer]:
        """Begin a transfer, or queue it behind others."""
        self._queue.append(data)
        return [] if self._data else self._begin(now_ns)

    def confirmed(self, now_ns: int, start_ns: int) -> list[Answer]:
        """Go on after the frame that it released last has been seen; it had started at ``start_ns``."""
        if not self._data or self._awaits_flow_control:
            return []
        if self._sent_bytes == len(self._data):
            return self._end(now_ns, Outcome.SENT)
        if self._number == 0 or self._left_in_block == 0:
            self._await_flow_control(now_ns)
            return []
        return self._consecutive(max(now_ns + self._channel.separation_ns, start_ns + self._stmin_ns))

    def flow_control(self, now_ns: int, frame: bytes) -> list[Answer]:
        """Obey a frame of the receiver if it is a flow control, and one is awaited."""
        if len(frame) < 3 or frame[0] >> 4 != FLOW_CONTROL or not self._awaits_flow_control:
            return []
        status = frame[0] & 0xF
        if status == CONTINUE:
            self._waits, self._awaits_flow_control = 0, False
            self._left_in_block, self._stmin_ns = frame[1] or None, stmin_ns(frame[2])
            return self._consecutive(now_ns + self._channel.separation_ns)
        if status == WAIT and self._waits < MOST_WAITS:
            self._waits += 1
            self._await_flow_control(now_ns)
            return []
        return self._end(now_ns, Outcome.OVERFLOW if status == OVERFLOW else Outcome.REFUSED)

    def expired(self, now_ns: int) -> list[Answer]:
        """Give up: what was awaited until ``deadline_ns`` has not come."""
        return self._end(now_ns, Outcome.NO_FLOW_CONTROL if self._awaits_flow_control else Outcome.NOT_SENT)

    def lost(self) -> list[Answer]:
        """Lose all transfers, because the node is switched off."""
        count = len(self._queue) + (1 if self._data else 0)
        self._queue.clear()
        self._forget()
        return [End(Outcome.LOST)] * count

    def _begin(self, now_ns: int) -> list[Answer]:
        self._data = data = self._queue.popleft()
        self._number = self._waits = 0
        single = single_frame(data, self._message_bytes, self._channel.padding)
        if single is not None:
            self._sent_bytes = len(data)
            return self._release(now_ns, single)
        header = first_frame_header(len(data))
        self._sent_bytes = self._message_bytes - len(header)
        return self._release(now_ns, header + data[: self._sent_bytes])

    def _consecutive(self, time_ns: int) -> list[Answer]:
        self._number += 1
        if self._left_in_block is not None:
            self._left_in_block -= 1
        part = self._data[self._sent_bytes : self._sent_bytes + self._message_bytes - 1]
        self._sent_bytes += len(part)
        return self._release(
            time_ns, filled(bytes([CONSECUTIVE << 4 | self._number & 0xF]) + part, self._channel.padding)
        )

    def _release(self, time_ns: int, frame: bytes) -> list[Answer]:
        self.deadline_ns = time_ns + self._channel.timeout_ns
        return [Release(time_ns, frame)]

    def _await_flow_control(self, now_ns: int) -> None:
        self._awaits_flow_control = True
        self.deadline_ns = now_ns + self._channel.timeout_ns

    def _end(self, now_ns: int, outcome: Outcome) -> list[Answer]:
        self._forget()
        return [End(outcome), *(self._begin(now_ns) if self._queue else ())]

    def _forget(self) -> None:
        self._data, self._awaits_flow_control, self.deadline_ns = b"", False, None


class LinkReceiver:
    """The receiving end of a link; ``deadline_ns`` as of a sender."""

    def __init__(self, channel: Channel) -> None:
        self.deadline_ns: int | None = None
        self._channel = channel
        self._data = b""
        self._missing_bytes = 0
        """0 while no reception is going on."""
        self._number = 0
        """Of the next consecutive frame."""
        self._left_in_block = 0

    def heard(self, now_ns: int, frame: bytes) -> list[Answer]:
        """Take a frame of the sender's message, whatever it is."""
        kind = frame[0] >> 4 if frame else None
        if kind == SINGLE:
            return self._single(frame)
        if kind == FIRST:
            return self._first(now_ns, frame)
        if kind == CONSECUTIVE and self._missing_bytes and len(frame) > 1:
            return self._consecutive(now_ns, frame)
        return []

    def expired(self, now_ns: int) -> list[Answer]:  # noqa: ARG002 - as a sender's
        """Give up: no consecutive frame has come until ``deadline_ns``."""
        return self._end(Outcome.NO_CONSECUTIVE_FRAME)

    def lost(self) -> list[Answer]:
        """Lose the reception that is going on, because the node is switched off."""
        return self._end(Outcome.LOST) if self._missing_bytes else []

    def _single(self, frame: bytes) -> list[Answer]:
        header, length = (1, frame[0]) if len(frame) <= SHORT_BYTES else (2, 0 if frame[0] else frame[1])
        if not 1 <= length <= len(frame) - header:
            return []
        return [*self._interrupted(), End(Outcome.RECEIVED, frame[header : header + length])]

    def _first(self, now_ns: int, frame: bytes) -> list[Answer]:
        if len(frame) < SHORT_BYTES:
            return []
        header, length = 2, (frame[0] & 0xF) << 8 | frame[1]
        if length == 0:
            header, length = 6, int.from_bytes(frame[2:6], "big")
            if length <= _SHORT_FIRST_BYTES:
                return []
        if length <= len(frame) - header:
            return []
        before = self._interrupted()
        if length > self._channel.buffer_bytes:
            return [*before, self._answer(now_ns, OVERFLOW)]
        self._data, self._missing_bytes, self._number = frame[header:], length - (len(frame) - header), 1
        return [*before, self._continue(now_ns)]

    def _consecutive(self, now_ns: int, frame: bytes) -> list[Answer]:
        if frame[0] & 0xF != self._number:
            return self._end(Outcome.OUT_OF_SEQUENCE)
        part = frame[1 : 1 + self._missing_bytes]
        self._data += part
        self._missing_bytes -= len(part)
        self._number = self._number + 1 & 0xF
        self._left_in_block -= 1
        if not self._missing_bytes:
            return self._end(Outcome.RECEIVED)
        if self._left_in_block == 0:
            return [self._continue(now_ns)]
        self.deadline_ns = now_ns + self._channel.timeout_ns
        return []

    def _interrupted(self) -> list[Answer]:
        return self._end(Outcome.INTERRUPTED) if self._missing_bytes else []

    def _continue(self, now_ns: int) -> Answer:
        answer = self._answer(now_ns, CONTINUE)
        self._left_in_block = self._channel.block_size
        self.deadline_ns = answer.time_ns + self._channel.timeout_ns
        return answer

    def _answer(self, now_ns: int, status: int) -> Release:
        channel = self._channel
        frame = bytes([FLOW_CONTROL << 4 | status, channel.block_size, stmin_byte(channel.stmin_ns)])
        return Release(now_ns + channel.flow_control_ns, filled(frame, channel.padding))

    def _end(self, outcome: Outcome) -> list[Answer]:
        data = self._data if outcome == Outcome.RECEIVED else b""
        self._data, self._missing_bytes, self.deadline_ns = b"", 0, None
        return [End(outcome, data)]


def single_frame(data: bytes, message_bytes: int, padding: int | None) -> bytes | None:
    """Return a single frame with the data, None if they do not fit."""
    if len(data) < SHORT_BYTES:
        return filled(bytes([len(data)]) + data, padding)
    if message_bytes > SHORT_BYTES and len(data) <= message_bytes - 2:
        return filled(bytes([0, len(data)]) + data, padding)
    return None


def first_frame_header(length: int) -> bytes:
    """Return what comes before the data in a first frame."""
    if length <= _SHORT_FIRST_BYTES:
        return bytes([FIRST << 4 | length >> 8, length & 0xFF])
    return bytes([FIRST << 4, 0]) + length.to_bytes(4, "big")


def filled(frame: bytes, padding: int | None) -> bytes:
    """Return a frame as long as the channel's padding and the lengths that frames have make it."""
    if len(frame) in CLASSIC_LENGTHS and padding is None:
        return frame
    length = next(length for length in FD_LENGTHS[SHORT_BYTES:] if length >= len(frame))
    return frame.ljust(length, bytes([FILL if padding is None else padding]))


def stmin_byte(time_ns: int) -> int:
    """Return how a flow control states a separation time that it can state."""
    return 0xF0 + time_ns // 100_000 if time_ns in STMIN_US_NS else time_ns // 1_000_000


def stmin_ns(byte: int) -> int:
    """Return the separation time that a flow control states."""
    if byte <= 0x7F:
        return STMIN_MS_NS[byte]
    return STMIN_US_NS[byte - 0xF1] if 0xF1 <= byte <= 0xF9 else LONGEST_STMIN_NS
