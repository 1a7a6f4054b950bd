"""Many CAN buses of the same messages, one a site, and the promise that every engine that computes them keeps.

Time on the bus
- A frame is *released* when its sender queues it. At every instant at which the bus is idle, the released frame of the
  highest priority starts; a frame released at that very instant takes part (Davis, Burns, Bril, Lukkien 2007).
- Receivers see a frame at the end of its last EOF bit. The bus is idle again three bits later, after the interframe
  space; that is the frame's finish.
- Both times are rounded, each by itself, to the nearest nanosecond after the frame's start, so that a bit time need
  not be whole nanoseconds; the error is at most half a nanosecond a frame, far below any oscillator's.
- Each message has one transmit buffer: a newer instance replaces one that has not won arbitration yet, and that
  counts as overwritten.

Advancing is lazy. A bus advanced to ``t`` has delivered what was seen by ``t``, ``t`` included, and has decided every
arbitration before ``t``. That at ``t`` itself is still open, because a frame may yet be sent at ``t``.

Not modelled here: errors and retransmission, remote frames, CAN FD, nodes with fewer buffers than messages.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import InputError, Problem, SimulationError
from twin.network.codec import MessageLayout, Payload
from twin.network.frames import FrameFormat
from twin.network.lengths import FrameLengths
from twin.network.statistics import FrameLog, IntArray, Statistics

NEVER_SEEN = -1
"""``mailbox_time_ns`` of a message that has not been received yet."""


class BusEngine(ABC):
    """``count`` buses that all carry ``messages``; a message is named by its index.

    ``mailbox_payload[bus, message, 8]`` and ``mailbox_time_ns[bus, message]`` are what receivers last saw, and when;
    they stay the same arrays for the life of the engine, as do those of ``statistics``. ``logged`` buses keep a log of
    their frames.
    Raises InputError if a message cannot share the bus: an identifier used twice, CAN FD, more than 8 bytes.
    """

    def __init__(
        self, messages: Sequence[MessageLayout], count: int, bitrate_bit_s: float, *, logged: Sequence[int] = ()
    ) -> None:
        _check(messages)
        self.messages = tuple(messages)
        self._frame_lengths = FrameLengths([FrameFormat(one.identifier, one.length, one.extended) for one in messages])
        self.count = count
        self.bitrate_bit_s = bitrate_bit_s
        self.logged = tuple(logged)
        self.mailbox_time_ns: IntArray = np.full((count, len(messages)), NEVER_SEEN, np.int64)
        self._mailbox_words = np.zeros((count, len(messages)), np.uint64)
        self.mailbox_payload: Payload = self._mailbox_words.view(np.uint8).reshape(count, len(messages), 8)
        self.statistics = Statistics.zero(count, len(messages))
        self._advanced_ns: IntArray = np.zeros(count, np.int64)

    def send(
        self, message: ArrayLike, rows: IntArray, time_ns: IntArray, payload: Payload, *, bits: ArrayLike | None = None
    ) -> None:
        """Queue an instance of ``message``, or of ``message[n]``, on each of the buses ``rows[n]`` at ``time_ns[n]``.

        ``payload[n, length]``, or ``payload[n, 8]`` where messages differ in length; ``bits`` overrides the frames'
        lengths, interframe space included, as analyses do.
        Raises SimulationError if an instant lies before the one that its bus has been advanced to.
        """
        messages = np.broadcast_to(np.asarray(message, np.int64), rows.shape)
        early = time_ns < self._advanced_ns[rows]
        if early.any():
            name = self.messages[messages[early][0]].name
            raise SimulationError(f"{name} is sent before the instant its bus has reached")
        lengths = None if bits is None else np.broadcast_to(np.asarray(bits, np.int64), rows.shape)
        self._queue(messages, rows, time_ns, _padded(payload), lengths)

    def advance(self, until_ns: IntArray) -> None:
        """Compute every bus up to its own instant ``until_ns[count]``, which may stay where it is."""
        self._advance(until_ns)
        np.maximum(self._advanced_ns, until_ns, out=self._advanced_ns)

    def take_log(self, bus: int) -> FrameLog:
        """Return the frames that receivers of a logged bus have seen since the last call, and forget them."""
        rows = self._take_rows(bus)
        message, release_ns, start_ns, finish_ns = rows[:, :4].T.astype(np.int64)
        identifiers = np.array([layout.identifier for layout in self.messages], np.int64)
        payload = np.ascontiguousarray(rows[:, 4:]).view(np.uint8)
        return FrameLog(message, identifiers[message], release_ns, start_ns, finish_ns, payload)

    @abstractmethod
    def _queue(
        self, messages: IntArray, rows: IntArray, release_ns: IntArray, payload: Payload, bits: IntArray | None
    ) -> None:
        """Queue frames with ``payload[n, 8]``, as long as their content makes them where ``bits`` is None."""

    @abstractmethod
    def _advance(self, until_ns: IntArray) -> None:
        """Compute every bus up to its own instant."""

    @abstractmethod
    def _take_rows(self, bus: int) -> NDArray[np.uint64]:
        """Return the log of a bus as ``[frame, 5]``, and forget it: message, release, start, finish, payload."""


def priority_order(messages: Sequence[MessageLayout]) -> list[int]:
    """Return the messages' indices, the winner of all arbitrations first.

    Bit by bit on the wire: 11 bits of identifier, then RTR and IDE, dominant in a base frame and recessive (SRR, IDE)
    in an extended one, then the other 18 bits.
    """

    def on_the_wire(index: int) -> tuple[int, bool, int]:
        identifier, extended = messages[index].identifier, messages[index].extended
        return (identifier >> 18, True, identifier & 0x3FFFF) if extended else (identifier, False, 0)

    return sorted(range(len(messages)), key=on_the_wire)


def _padded(payload: Payload) -> Payload:
    count, length = payload.shape
    if length == 8:
        return np.ascontiguousarray(payload)
    padded = np.zeros((count, 8), np.uint8)
    padded[:, :length] = payload
    return padded


def _check(messages: Sequence[MessageLayout]) -> None:
    problems: list[Problem] = []
    first: dict[tuple[bool, int], str] = {}
    for message in messages:
        key = message.extended, message.identifier
        if key in first:
            problems.append(Problem(f"identifier {message.identifier:#x} is {first[key]}'s already", path=message.name))
        first.setdefault(key, message.name)
        if message.fd:
            problems.append(Problem("CAN FD is not simulated on these buses", path=message.name))
        elif message.length > 8:
            problems.append(Problem(f"{message.length} bytes; a classic frame has at most 8", path=message.name))
    if problems:
        raise InputError(problems)
