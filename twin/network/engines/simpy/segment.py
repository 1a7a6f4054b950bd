"""A segment of the readable engine: arbitration, the frame on the wire, and how it ends."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from twin.network.engines.chance import draw
from twin.network.engines.records import NodeState
from twin.network.engines.simpy.agenda import ARBITRATION, FRAME_ENDS, Agenda, Due
from twin.network.engines.simpy.frames import AFTER_FLAGS_BITS, Instance
from twin.network.engines.simpy.ledger import Ledger
from twin.network.engines.simpy.wiring import Wiring
from twin.network.frames.wire import SUSPEND_TRANSMISSION_BITS

if TYPE_CHECKING:
    from twin.network.engines.simpy.node import Node
    from twin.network.engines.simpy.recovery import Recovery

NO_BIT = 1 << 32
"""Index of a wrong bit, where there is none."""
NEVER_NS = 1 << 62
TEC_OF_ERROR, TEC_OF_SUCCESS = 8, -1


@dataclass(slots=True, eq=False)
class Inversion:
    """An instruction to invert a bit of frames to come; ``message`` and ``node`` are -1 where any will do."""

    bit: int
    frames: int
    message: int
    node: int

    def bit_of(self, instance: Instance, sender: int) -> int:
        """Return the bit of a frame that it inverts, NO_BIT if none, and count the frame."""
        if self.frames <= 0 or self.message not in (-1, instance.message) or self.node not in (-1, sender):
            return NO_BIT
        self.frames -= 1
        return self.bit if 0 <= self.bit < instance.bits else instance.bits - 1


@dataclass(slots=True, eq=False)
class Attempt:
    """A frame on the wire."""

    instance: Instance
    sender: Node
    start_ns: int
    wrong_bit: int
    """The first one that noise or an instruction inverts, or in which the sender was withdrawn."""
    acknowledged: bool
    end_ns: int = 0
    """When it will be seen, or fail."""
    withdrawn: bool = False
    """The sender was switched off, disconnected or sent bus-off in the middle of it."""
    dropped: bool = False
    """It will not go back to the queue: the sender was switched off, or sent bus-off."""

    @property
    def failing_bit(self) -> int:
        """The bit in which it fails, NO_BIT if it does not."""
        return self.instance.ack_slot if self.lacks_acknowledgement else self.wrong_bit

    @property
    def lacks_acknowledgement(self) -> bool:
        """Whether it fails for want of an acknowledgement."""
        return not self.acknowledged and self.instance.ack_slot <= self.wrong_bit


class Audience(Protocol):
    """Who is told of the frames on all segments."""

    def seen(self, instance: Instance, start_ns: int, *, by_sender: bool) -> None:
        """Take note of a frame that all receivers have seen, and its sender or not."""


class Segment:
    """One CAN bus of a site."""

    def __init__(
        self, index: int, key: int, agenda: Agenda, wiring: Wiring, ledger: Ledger, audience: Audience
    ) -> None:
        self.timing = wiring.timings[index]
        self.offered = 0
        """The bits (``Wiring.bit_of``) of all frames that listening nodes offer."""
        self.attempt: Attempt | None = None
        self.finish_ns = 0
        """End of the last interframe space."""
        self.inversions: list[Inversion] = []
        self.recovering: list[Recovery] = []
        """Of the nodes that count recessive bits."""
        self._index = index
        self._key = key
        self._agenda = agenda
        self._wiring = wiring
        self._ledger = ledger
        self._audience = audience
        self._nodes: list[Node] = []
        self._sender_of: dict[int, Node] = {}
        self._first_error_bits: Sequence[int] | None = None
        self._noisy_attempts = 0
        self._arbitration_ns = NEVER_NS
        """The next one that is planned; it may find nothing to do."""
        self._last_sender: Node | None = None
        self._some_rec = False  # above 0, so that a success changes it

    @property
    def idle(self) -> bool:
        """Whether nothing is on the wire, interframe space included."""
        return self.attempt is None and self._agenda.now_ns >= self.finish_ns

    def add(self, node: Node) -> None:
        """Take a node in, in the order of their indices."""
        self._nodes.append(node)
        for number, message in enumerate(self._wiring.network.messages):
            if message.node == node.index:
                self._sender_of[number] = node

    def is_sending(self, node: Node) -> bool:
        """Whether a frame of a node's queue is on the wire."""
        return self.attempt is not None and self.attempt.sender is node and not self.attempt.dropped

    def set_noise(self, first_error_bits: Sequence[int]) -> None:
        """Draw the first wrong bit of every frame to come from a table; see ``chance.first_error_thresholds``."""
        self._first_error_bits = first_error_bits if first_error_bits[-1] > 0 else None

    def ask_for_arbitration(self) -> None:
        """Let the frames that are offered compete as soon as the segment is idle."""
        if self.attempt is None:
            self._arbitrate_at(max(self._agenda.now_ns, self.finish_ns))

    def glitch(self) -> None:
        """Invert the bit that is on the wire; no bit before it can be wrong, or the frame would have failed."""
        if self.attempt is not None:
            self.attempt.wrong_bit = self._bit_now(self.attempt)
            self._plan_end(self.attempt)

    def withdraw(self, node: Node, *, drop: bool) -> None:
        """Cut the frame short that a node is sending, if it is."""
        attempt = self.attempt
        if attempt is None or attempt.sender is not node:
            return
        attempt.dropped |= drop
        if not attempt.withdrawn:
            attempt.withdrawn, attempt.wrong_bit = True, self._bit_now(attempt)
            self._plan_end(attempt)

    def listeners_changed(self) -> None:
        """Look again whether somebody will acknowledge the frame on the wire; in its ACK slot it is too late."""
        attempt = self.attempt
        if attempt is None:
            return
        before_slot = attempt.instance.ack_slot - 1
        slot_ns = attempt.start_ns + self.timing.to_end_of_bit_ns(attempt.instance, before_slot)
        if self._agenda.now_ns < slot_ns:
            attempt.acknowledged = self._is_acknowledged(attempt.sender)
            self._plan_end(attempt)

    def no_longer_recovers(self, recovery: Recovery) -> None:
        """Let a node count no more recessive bits."""
        if recovery in self.recovering:
            self.recovering.remove(recovery)

    def _arbitrate_at(self, time_ns: int) -> None:
        if time_ns < self._arbitration_ns:
            self._arbitration_ns = time_ns
            self._agenda.plan(time_ns, ARBITRATION + self._index, self._arbitrate)

    def _arbitrate(self, _: Due) -> None:
        """Start the offered frame of the highest priority."""
        self._arbitration_ns = NEVER_NS
        now_ns = self._agenda.now_ns
        if not self.offered or not self.idle:
            return
        suspended = self._last_sender
        if suspended is None or now_ns >= suspended.suspended_until_ns:
            self._start(self._wiring.message_of(self.offered), now_ns)
        elif self.offered & ~suspended.bits:
            self._start(self._wiring.message_of(self.offered & ~suspended.bits), now_ns)
        else:
            self._arbitrate_at(suspended.suspended_until_ns)

    def _start(self, message: int, now_ns: int) -> None:
        sender = self._sender_of[message]
        instance = sender.take(message)
        for recovery in self.recovering:
            recovery.frame_started(now_ns)
        wrong_bit = self._first_wrong_bit(instance, sender)
        attempt = Attempt(instance, sender, now_ns, wrong_bit, self._is_acknowledged(sender))
        self.attempt = attempt
        self._last_sender = sender
        self._plan_end(attempt)

    def _first_wrong_bit(self, instance: Instance, sender: Node) -> int:
        wrong_bit = NO_BIT
        if self._first_error_bits is not None:
            random = draw(self._key, self._index, self._noisy_attempts)
            self._noisy_attempts += 1
            bit = bisect_right(self._first_error_bits, random)
            if bit < min(instance.bits, len(self._first_error_bits)):
                wrong_bit = bit
        if self.inversions:
            inverted = [inversion.bit_of(instance, sender.index) for inversion in self.inversions]
            self.inversions = [inversion for inversion in self.inversions if inversion.frames > 0]
            wrong_bit = min(wrong_bit, *inverted)
        return wrong_bit

    def _is_acknowledged(self, sender: Node) -> bool:
        return any(node.listening and node is not sender for node in self._nodes)

    def _bit_now(self, attempt: Attempt) -> int:
        return self.timing.bit_at(attempt.instance, self._agenda.now_ns - attempt.start_ns)

    def _plan_end(self, attempt: Attempt) -> None:
        bit = attempt.failing_bit
        instance = attempt.instance
        after_ns = instance.seen_after_ns if bit == NO_BIT else self.timing.to_end_of_bit_ns(instance, bit)
        end_ns = attempt.start_ns + after_ns
        if end_ns != attempt.end_ns:
            attempt.end_ns = end_ns
            self._agenda.plan(end_ns, FRAME_ENDS + self._index, self._end, attempt)

    def _end(self, due: Due) -> None:
        """Let a frame be seen, or fail, unless its end has been planned anew since."""
        attempt: Attempt = due.value
        if attempt is not self.attempt or attempt.end_ns != self._agenda.now_ns:
            return
        self.attempt = None
        if attempt.failing_bit == NO_BIT:
            self._succeed(attempt)
        else:
            self._fail(attempt, attempt.failing_bit)
        for recovery in self.recovering:
            recovery.frame_ended(self.finish_ns)
        if self.offered:
            self._arbitrate_at(self.finish_ns)

    def _succeed(self, attempt: Attempt) -> None:
        instance, sender, start_ns = attempt.instance, attempt.sender, attempt.start_ns
        self.finish_ns = start_ns + instance.finish_after_ns
        self._ledger.busy_ns[self._index] += instance.finish_after_ns
        self._ledger.sent(instance, attempt.end_ns)
        self._ledger.put_into_log(instance, start_ns, self.finish_ns)
        self._audience.seen(instance, start_ns, by_sender=True)
        if sender.tec or self._some_rec:
            self._count(sender, TEC_OF_SUCCESS, received=True)
        self._suspend(sender)

    def _fail(self, attempt: Attempt, bit: int) -> None:
        """Let the error flags follow, and the frame go back; a wrong last bit is wrong for the sender only."""
        instance, sender, start_ns = attempt.instance, attempt.sender, attempt.start_ns
        sender_passive = attempt.withdrawn or sender.state == NodeState.ERROR_PASSIVE
        nominal_bits, data_bits = instance.bits_to(bit)
        nominal_bits += instance.flag_bits(bit, sender_passive=sender_passive) + AFTER_FLAGS_BITS
        busy_ns = self.timing.duration_ns(nominal_bits, data_bits)
        self.finish_ns = start_ns + busy_ns
        self._ledger.busy_ns[self._index] += busy_ns
        self._ledger.errors[instance.message] += 1
        self._ledger.put_into_log(instance, start_ns, self.finish_ns, bit)
        last_bit = bit == instance.bits - 1
        if last_bit:
            self._audience.seen(instance, start_ns, by_sender=False)
        free = attempt.withdrawn or (attempt.lacks_acknowledgement and sender_passive)
        self._count(sender, 0 if free else TEC_OF_ERROR, received=last_bit)
        if attempt.dropped or sender.state == NodeState.BUS_OFF:
            self._ledger.dropped[instance.message] += 1
        else:
            sender.put_back(instance)
        self._suspend(sender)

    def _count(self, sender: Node, tec: int, *, received: bool) -> None:
        """Let all nodes count a frame, in the order of their indices."""
        for node in self._nodes:
            if node is sender:
                node.add_to_tec(tec)
            elif node.listening and received:
                node.received()
            elif node.listening:
                node.failed_to_receive()
        self._some_rec = any(node.rec for node in self._nodes)

    def _suspend(self, sender: Node) -> None:
        """Keep an error-passive sender from starting another frame for eight bits."""
        if sender.state == NodeState.ERROR_PASSIVE:
            sender.suspended_until_ns = self.finish_ns + self.timing.duration_ns(SUSPEND_TRANSMISSION_BITS)
