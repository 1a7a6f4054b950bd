"""A site of the readable engine: its segments and nodes, and what it is told for an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twin.network.engines.chance import jitter_ns
from twin.network.engines.records import Instruction
from twin.network.engines.simpy.agenda import INSTRUCTIONS, RELEASES, Agenda, Due
from twin.network.engines.simpy.frames import Instance
from twin.network.engines.simpy.ledger import Ledger
from twin.network.engines.simpy.links import Links
from twin.network.engines.simpy.node import Node
from twin.network.engines.simpy.segment import Inversion, Segment
from twin.network.engines.simpy.wiring import Wiring
from twin.network.frames.bits import FrameFormat

BY_CYCLE, BY_SEND, BY_ROUTE, BY_ISO_TP = range(4)
"""Who releases a frame: at one instant, those of one message are queued in this order."""
ORIGINS = 4


@dataclass(frozen=True)
class Told:
    """An instruction, see ``Engine._give``."""

    kind: Instruction
    target: int
    values: Sequence[int]
    payload: bytes


@dataclass(eq=False)
class Cycle:
    """A message that is released again and again."""

    message: int
    first_ns: int
    period_ns: int
    jitter_ns: int
    frame_format: FrameFormat
    payload: bytes
    released: int = 0


class Site:
    """The network of one site."""

    def __init__(self, wiring: Wiring, ledger: Ledger, key: int, first_error_bits: Sequence[Sequence[int]]) -> None:
        """``first_error_bits``: the tables that instructions of noise name; it may grow."""
        network = wiring.network
        self.agenda = Agenda()
        self.ledger = ledger
        self._wiring = wiring
        self._key = key
        self._first_error_bits = first_error_bits
        self._segments = [
            Segment(index, key, self.agenda, wiring, ledger, self) for index in range(len(network.segments))
        ]
        self._nodes = [
            Node(index, self._segments[node.segment], self.agenda, wiring, ledger)
            for index, node in enumerate(network.nodes)
        ]
        self._sender_of = [self._nodes[message.node] for message in network.messages]
        self._latest: dict[int, Instance] = {}
        self._cycles: dict[int, Cycle] = {}
        self.links = Links(
            network,
            self.agenda,
            ledger,
            self._release_of_link,
            is_on=lambda node: self._nodes[node].on,
            is_listening=lambda node: self._nodes[node].listening,
        )

    def release(self, instance: Instance, origin: int) -> None:
        """Let a frame be queued at its release."""
        priority = RELEASES + instance.message * ORIGINS + origin
        self.agenda.plan(instance.release_ns, priority, self._release, instance)

    def tell(self, time_ns: int, told: Told) -> None:
        """Take an instruction for an instant."""
        self.agenda.plan(time_ns, INSTRUCTIONS, self._obey, told)

    def seen(self, instance: Instance, start_ns: int, *, by_sender: bool) -> None:
        """Fill mailboxes, pass frames on, and tell ISO-TP."""
        message = instance.message
        for node, box in self._wiring.receivers_of[message]:
            if self._nodes[node].listening:
                self.ledger.put_into_mailbox(box, instance.payload, self.agenda.now_ns)
        for route in self._wiring.routes_of[message]:
            if self._nodes[route.node].listening:
                self._pass_on(instance, route.to, route.delay_ns)
        self.links.seen(instance, start_ns, by_sender=by_sender)

    def _release(self, due: Due) -> None:
        self._queue(due.value)

    def _queue(self, instance: Instance) -> None:
        self._latest[instance.message] = instance
        self._sender_of[instance.message].release(instance)

    def _pass_on(self, instance: Instance, to: int, delay_ns: int) -> None:
        """Send what was received as another message, or answer a remote frame with that message's latest content."""
        target = self._wiring.network.messages[to]
        length, payload = instance.frame_format.length, instance.payload
        if instance.frame_format.remote:
            latest = self._latest.get(to)
            length = target.length if latest is None else latest.frame_format.length
            payload = bytes(len(payload)) if latest is None else latest.payload
        elif not target.varying:
            length = target.length
        self.release(self._wiring.instance(to, length, payload, self.agenda.now_ns + delay_ns), BY_ROUTE)

    def _release_of_link(self, message: int, frame: bytes, release_ns: int) -> Instance:
        payload = frame.ljust(self._wiring.network.payload_bytes, b"\0")
        instance = self._wiring.instance(message, len(frame), payload, release_ns)
        self.release(instance, BY_ISO_TP)
        return instance

    def _obey(self, due: Due) -> None:
        """Do what an instruction says."""
        told: Told = due.value
        first = told.values[0]
        match told.kind:
            case Instruction.NOISE:
                self._segments[told.target].set_noise(self._first_error_bits[first])
            case Instruction.INVERT:
                self._segments[told.target].inversions.append(Inversion(*told.values))
            case Instruction.GLITCH:
                self._segments[told.target].glitch()
            case Instruction.CONNECT:
                self._nodes[told.target].connect(bool(first))
            case Instruction.POWER:
                self._switch(told.target, bool(first))
            case Instruction.BUS_OFF:
                self._nodes[told.target].go_bus_off()
            case Instruction.CYCLE:
                self._begin_cycle(told)

    def _switch(self, node: int, on: bool) -> None:
        if not on and self._nodes[node].on:
            self.links.lose(node)
        self._nodes[node].power(on)

    def _begin_cycle(self, told: Told) -> None:
        period_ns, most_jitter_ns, frame_format, _ = told.values
        self._cycles.pop(told.target, None)
        if period_ns > 0:
            cycle = Cycle(
                told.target,
                self.agenda.now_ns,
                period_ns,
                most_jitter_ns,
                self._wiring.formats[frame_format],
                told.payload,
            )
            self._cycles[told.target] = cycle
            self._plan_cycle(cycle)

    def _plan_cycle(self, cycle: Cycle) -> None:
        number = cycle.released
        late_ns = jitter_ns(self._key, cycle.message, number, cycle.jitter_ns) if cycle.jitter_ns else 0
        release_ns = cycle.first_ns + number * cycle.period_ns + late_ns
        priority = RELEASES + cycle.message * ORIGINS + BY_CYCLE
        self.agenda.plan(release_ns, priority, self._release_next, cycle)

    def _release_next(self, due: Due) -> None:
        """Queue a cycle's instance, unless another cycle has replaced it."""
        cycle: Cycle = due.value
        if self._cycles.get(cycle.message) is not cycle:
            return
        length, now_ns = cycle.frame_format.length, self.agenda.now_ns
        self._queue(self._wiring.instance(cycle.message, length, cycle.payload, now_ns))
        cycle.released += 1
        self._plan_cycle(cycle)
