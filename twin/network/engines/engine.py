"""The networks of many sites, and the promise that every engine that computes them keeps.

Frames
- A frame is *released* when its sender queues it. At every instant at which a segment is idle, the offered frame of the
  highest priority starts; a frame released at that very instant takes part (Davis, Burns, Bril, Lukkien 2007).
- Receivers *see* a frame at the end of its last EOF bit. The segment is idle again three bits later, after the
  interframe space; that is the frame's *finish*.
- Every duration is rounded by itself, from the frame's start, to the nearest nanosecond (``duration_ns``), so that a
  bit time need not be whole nanoseconds; the error is at most half a nanosecond, far below any oscillator's.

Queues
- A message without ``depth`` has one transmit buffer: a newer instance replaces one that waits, and that counts as
  *overwritten*. With a depth, so many instances wait in order. A ``fifo`` node queues all its frames in one order
  instead. An instance that finds a full queue, or a node that is off or bus-off, is *dropped*.
- Frames of one queue join it by (release, message, origin, order in which they arose); origins: a cycle, ``send``, a
  route, ISO-TP. Offered is the first of each queue. What has been given for a release is released then, whatever
  becomes of its node or transfer in between.
- The frame on the wire holds no place in its queue. Bytes beyond a frame's length are 0 wherever they can be read.

Errors. A frame fails at the earliest of
- a wrong bit drawn from the segment's bit error rate (``noise``); the draw is ``chance.draw(key, segment, attempt)``,
  where attempts count from 0 the frames that started on the segment while its rate was above 0;
- a bit that ``invert`` names: the instruction takes the next frames that match from its instant on, by their starts;
- the ACK slot, if just before it no other node of the segment is on and connected and not bus-off: an ACK error,
  whatever else hits that bit. A bit that is hit twice is wrong all the same.
It fails at the end of that bit. The error flags follow (``wire.error_flag_bits``), eight bits of delimiter and three of
interframe space; then the segment is idle. The failed frame goes back to the head of its queue, unless a newer instance
has taken its transmit buffer (then it counts as overwritten), or its sender is bus-off by now (dropped). Every attempt
that fails counts in ``errors``.
- A wrong last EOF bit fails the frame for its sender only: receivers have it already, count a success, and will get it
  again.
- ``glitch`` inverts the bit that is on the wire at its instant. A sender that is switched off, disconnected or sent
  bus-off in the middle of a frame fails it in that bit too, with flags as of a passive sender, at no cost to its TEC;
  its own frame is dropped, when it fails, where it was switched off or sent bus-off.
- A message with ``frame_bits`` has no bits that could be looked at: all flags take 12 bits, the last bits are ACK
  delimiter and EOF as always, and its ACK slot is the ninth bit before its end (interframe space apart).

Counters (ISO 11898-1): a sender's TEC rises by 8 at an error, save an ACK error of a passive sender, and falls by 1 at
a success; the REC of every other node that is on, connected and not bus-off rises by 1 at an error, and falls by 1 at a
success (from above 127 to 119). With either above 127 a node is error passive: after each frame that it sent, failed or
not, it does not start another for eight bits after the interframe space. Flags and the ACK error go by the sender's
state before the error counts, those eight bits by that after it. With a TEC above 255 (256 where ``bus_off`` says so) a
node is bus-off: its queues are dropped, its counters rest, and ``recovery_ns`` later it begins to count 128 sequences
of 11 recessive bits: one at every finish after that, and one for every 11 bits that the segment is idle (a count begun
while idle starts there; a part of 11 bits is lost when a frame starts), be the node connected or not. At the last one
both counters are 0 and the node takes part again.

Nodes that are off have lost their queues, receive mailboxes, counters and transfers; one that is switched on takes part
at once. A disconnected node (broken wire) neither sends nor receives; if it has anything to send, a frame on the wire
included, or gets it, it talks to nobody: its TEC becomes 128 at once, unless it is higher (the 16 attempts take some
milliseconds, which is not modelled).

ISO-TP and routes. See ``iso_tp`` beside this file and ``network.Route``. What they send is released at the instant at
which a frame is seen, plus the delay that is stated.

Order. At one instant t: frames are seen, or fail (by segment); then what timers are due (recoveries by node, then
ISO-TP by link, the sender's before the receiver's); then instructions (noise, invert, glitch, connect, power, bus_off,
cycle), in the order in which they were given; then transfers begin (by link); then releases; then arbitration (by
segment). When a frame ends, mailboxes come first, then routes, ISO-TP (by link, the sender's end first), counters (by
node), and last the frame goes back to its queue. Changes and transfers of one instant are told in that order.

Advancing is lazy. A site advanced to ``t`` has gone through everything before ``t``, and through frames seen and timers
at ``t``. Instructions, releases and arbitration at ``t`` are still open, because more may yet be sent at ``t``. So how
an engine is advanced, in pieces or in one go, changes nothing.

Not modelled: errors that only some nodes see, overload frames of slow nodes, arbitration lost to an unknown node's
identical identifier, ESI bits of passive CAN FD senders, propagation delay.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import SimulationError
from twin.network.engines.chance import first_error_thresholds
from twin.network.engines.counters import IntArray, NodeStates, Statistics
from twin.network.engines.records import Change, Frames, Instruction, Transfer
from twin.network.frames.bits import FrameFormat
from twin.network.frames.lengths import FrameLengths
from twin.network.network import Network

Payload = NDArray[np.uint8]

NEVER_SEEN = -1
"""``mailbox_time_ns`` of a message that has not been received yet."""
INSTRUCTION_VALUES = 4
LAST_BIT = -1
"""``bit`` of ``invert`` that stands for the last one of a frame; others count from the start of frame, 0."""


class Engine(ABC):
    """``count`` sites with a ``network`` each.

    ``mailbox_payload[site, box, network.payload_bytes]`` and ``mailbox_time_ns[site, box]`` are what nodes last
    received, and when. Boxes are those of ``network.boxes``, and behind them one that stays empty, which is what box -1
    reads. They stay the same arrays for the life of the engine, as do those of ``statistics`` and ``nodes``.
    ``keys[site]`` (64 bits) decide all that is random. ``logged`` sites keep a log.
    """

    def __init__(
        self,
        network: Network,
        count: int,
        *,
        keys: NDArray[np.uint64] | None = None,
        logged: Sequence[int] = (),
        threads: int = 1,
    ) -> None:
        self.network = network
        self.count = count
        self.keys = np.zeros(count, np.uint64) if keys is None else np.ascontiguousarray(keys, np.uint64)
        self.logged = tuple(logged)
        self.threads = threads
        self.mailbox_time_ns: IntArray = np.full((count, len(network.boxes) + 1), NEVER_SEEN, np.int64)
        self.mailbox_payload: Payload = np.zeros((count, len(network.boxes) + 1, network.payload_bytes), np.uint8)
        self.statistics = Statistics.zero(count, len(network.messages), len(network.segments))
        self.nodes = NodeStates.zero(count, len(network.nodes))
        self._advanced_ns: IntArray = np.zeros(count, np.int64)
        self._formats, self._format_of = _formats(network)
        longest = np.array([message.length for message in network.messages], np.int64)
        self._longest: IntArray = self._format_of[np.arange(len(longest)), longest]
        self._frame_lengths = FrameLengths(self._formats)
        self._thresholds: list[NDArray[np.uint64]] = [first_error_thresholds(0.0)]

    def send(
        self,
        message: ArrayLike,
        rows: IntArray,
        time_ns: IntArray,
        payload: Payload,
        *,
        length: ArrayLike | None = None,
    ) -> None:
        """Release an instance of ``message``, or of ``message[n]``, at each of the sites ``rows[n]`` at ``time_ns[n]``.

        ``payload[n, bytes]``, of which each frame takes what it has room for; ``length[n]``: bytes of frames that vary.
        Raises SimulationError if an instant lies before the one that its site has been advanced to, or a message has no
        frame of that length.
        """
        messages = np.asarray(message, np.int64)
        if messages.shape != rows.shape:
            messages = np.broadcast_to(messages, rows.shape)
        self._check_instants(rows, time_ns)
        self._queue(messages, rows, time_ns, self._padded(payload), self._format(messages, length))

    def cycle(
        self,
        message: int,
        rows: IntArray,
        first_ns: IntArray,
        period_ns: IntArray,
        payload: Payload,
        *,
        jitter_ns: int = 0,
        length: int | None = None,
    ) -> None:
        """Release an instance of ``message`` every ``period_ns[n]`` from ``first_ns[n]`` on; a period of 0 ends that.

        Instance k is released at ``first_ns + k * period_ns + chance.jitter_ns(key, message, k, jitter_ns)``;
        ``jitter_ns`` is at most the period. A message has one cycle, and a new one replaces it at its ``first_ns``, at
        which and after which the old one releases nothing.
        Raises SimulationError as ``send`` does.
        """
        self._check_instants(rows, first_ns)
        if jitter_ns < 0 or (jitter_ns > period_ns[period_ns > 0]).any():
            raise SimulationError(f"{self.network.messages[message].name}: the jitter is longer than the period")
        messages = np.full(len(rows), message, np.int64)
        formats = self._format(messages, length)
        values = np.stack([np.asarray(period_ns, np.int64), np.full(len(rows), jitter_ns), formats], axis=1)
        self._instruct(Instruction.CYCLE, rows, first_ns, message, values, self._padded(payload))

    def noise(self, segment: int, rows: IntArray, time_ns: IntArray, rate: float) -> None:
        """Let every bit on a segment be wrong with probability ``rate`` from ``time_ns[n]`` on."""
        self._thresholds.append(first_error_thresholds(rate))
        self._add_thresholds(self._thresholds[-1])
        self._instruct(Instruction.NOISE, rows, time_ns, segment, [len(self._thresholds) - 1])

    def invert(
        self,
        rows: IntArray,
        time_ns: IntArray,
        *,
        bit: int,
        frames: int = 1,
        message: int | None = None,
        node: int | None = None,
        segment: int = 0,
    ) -> None:
        """Invert ``bit`` of the next ``frames`` that start on a segment: all, those of a message, or those of a node.

        ``bit`` counts from the start of frame, stuff bits included; LAST_BIT, or one beyond the frame, is its last.
        Of several instructions that match a frame, each counts it; the earliest bit decides.
        """
        if message is not None:
            segment = self.network.segment_of(message)
        elif node is not None:
            segment = self.network.nodes[node].segment
        chosen = [-1 if which is None else which for which in (message, node)]
        self._instruct(Instruction.INVERT, rows, time_ns, segment, [bit, frames, *chosen])

    def glitch(self, segment: int, rows: IntArray, time_ns: IntArray) -> None:
        """Invert the bit that is on a segment at ``time_ns[n]``; between frames it changes nothing."""
        self._instruct(Instruction.GLITCH, rows, time_ns, segment, [])

    def connect(self, node: int, rows: IntArray, time_ns: IntArray, *, on: bool) -> None:
        """Connect a node to its segment, or break its wire."""
        self._instruct(Instruction.CONNECT, rows, time_ns, node, [int(on)])

    def power(self, node: int, rows: IntArray, time_ns: IntArray, *, on: bool) -> None:
        """Switch a node on or off; what it held in queues, mailboxes, counters and transfers is lost when off."""
        self._instruct(Instruction.POWER, rows, time_ns, node, [int(on)])

    def bus_off(self, node: int, rows: IntArray, time_ns: IntArray) -> None:
        """Send a node bus-off, as if its TEC had passed 255."""
        self._instruct(Instruction.BUS_OFF, rows, time_ns, node, [])

    def transfer(self, link: int, rows: IntArray, time_ns: IntArray, data: Sequence[bytes]) -> None:
        """Queue ``data[n]`` for transfer by ISO-TP over a link at ``time_ns[n]``; see ``network.Channel``.

        Transfers of one link follow each other. Raises SimulationError as ``send`` does, and on empty data.
        """
        self._check_instants(rows, time_ns)
        if not all(data):
            raise SimulationError("a transfer of no data")
        self._begin(link, rows, time_ns, data)

    def advance(self, until_ns: IntArray) -> None:
        """Compute every site up to its own instant ``until_ns[count]``, which may stay where it is."""
        self._advance(until_ns)
        np.maximum(self._advanced_ns, until_ns, out=self._advanced_ns)

    def take_log(self, site: int) -> Frames:
        """Return the frames of a logged site that were seen or failed since the last call, and forget them."""
        return Frames.of(self._take_rows(site), self.network)

    @abstractmethod
    def take_transfers(self) -> list[Transfer]:
        """Return what became of transfers since the last call, by (site, instant), and forget it."""

    @abstractmethod
    def take_changes(self) -> list[Change]:
        """Return the nodes' changes of state since the last call, by (site, instant), and forget them."""

    @abstractmethod
    def _queue(
        self, messages: IntArray, rows: IntArray, release_ns: IntArray, payload: Payload, formats: IntArray
    ) -> None:
        """Release frames with ``payload[n, network.payload_bytes]``; ``formats`` are indices into ``_formats``."""

    @abstractmethod
    def _give(
        self, kind: Instruction, rows: IntArray, time_ns: IntArray, target: int, values: IntArray, payload: Payload
    ) -> None:
        """Take an instruction: ``values[n, INSTRUCTION_VALUES]`` by kind, as above, 0 where there are fewer.

        ``payload[n, network.payload_bytes]`` of cycles.
        """

    @abstractmethod
    def _add_thresholds(self, thresholds: NDArray[np.uint64]) -> None:
        """Take a further table of first error bits; its number is how many there were, that of no errors included."""

    @abstractmethod
    def _begin(self, link: int, rows: IntArray, time_ns: IntArray, data: Sequence[bytes]) -> None:
        """Queue transfers."""

    @abstractmethod
    def _advance(self, until_ns: IntArray) -> None:
        """Compute every site up to its own instant."""

    @abstractmethod
    def _take_rows(self, site: int) -> NDArray[np.uint64]:
        """Return the log of a site, as ``Frames.of`` reads it, and forget it."""

    def _instruct(
        self,
        kind: Instruction,
        rows: IntArray,
        time_ns: IntArray,
        target: int,
        values: ArrayLike,
        payload: Payload | None = None,
    ) -> None:
        self._check_instants(rows, time_ns)
        given = np.asarray(values, np.int64)
        spread = np.zeros((len(rows), INSTRUCTION_VALUES), np.int64)
        spread[:, : given.shape[-1]] = given
        nothing = np.zeros((len(rows), self.network.payload_bytes), np.uint8)
        self._give(kind, rows, time_ns, target, spread, nothing if payload is None else payload)

    def _check_instants(self, rows: IntArray, time_ns: IntArray) -> None:
        if (time_ns < self._advanced_ns[rows]).any():
            raise SimulationError("something is to happen before the instant that its site has reached")

    def _format(self, messages: IntArray, length: ArrayLike | None) -> IntArray:
        """Return the index into ``_formats`` of every frame; the longest that its message has, unless told."""
        if length is None:
            return self._longest[messages]
        lengths = np.broadcast_to(np.asarray(length), messages.shape)
        within = (lengths >= 0) & (lengths < self._format_of.shape[1])
        formats = self._format_of[messages, np.where(within, lengths, 0)]
        wrong = (formats < 0) | ~within
        if wrong.any():
            name = self.network.messages[messages[wrong][0]].name
            raise SimulationError(f"{name} has no frame of {lengths[wrong][0]} bytes")
        return formats

    def _padded(self, payload: Payload) -> Payload:
        """Return the payloads as wide as all are."""
        width = self.network.payload_bytes
        if payload.shape[1] == width:
            return np.ascontiguousarray(payload)
        padded = np.zeros((len(payload), width), np.uint8)
        kept = min(width, payload.shape[1])
        padded[:, :kept] = payload[:, :kept]
        return padded


def _formats(network: Network) -> tuple[list[FrameFormat], IntArray]:
    """Return every format that frames have, and ``[message, length]``: which of them, -1 where there is none.

    A message's formats stand together, the shortest first.
    """
    formats: list[FrameFormat] = []
    table = np.full((len(network.messages), 65), -1, np.int64)
    for index, message in enumerate(network.messages):
        for length in message.lengths():
            table[index, length] = len(formats)
            formats.append(message.frame_format(length))
    return formats, table
