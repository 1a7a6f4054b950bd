"""A node of the readable engine: its power and wire, its queue, its error counters and the state that they lead to."""

from __future__ import annotations

from twin.network.engines.records import NodeState
from twin.network.engines.simpy.agenda import Agenda
from twin.network.engines.simpy.frames import Instance
from twin.network.engines.simpy.ledger import Ledger
from twin.network.engines.simpy.queues import queue_of
from twin.network.engines.simpy.recovery import Recovery
from twin.network.engines.simpy.segment import Segment
from twin.network.engines.simpy.wiring import Wiring

PASSIVE_ABOVE = 127
BUS_OFF_ABOVE = 255
REC_OF_RECOVERED = 119
"""What a success makes of a REC above 127."""


class Node:
    """A CAN controller; ``listening`` while it is on, connected and not bus-off."""

    def __init__(self, index: int, segment: Segment, agenda: Agenda, wiring: Wiring, ledger: Ledger) -> None:
        self.index = index
        self.segment = segment
        self.agenda = agenda
        self.queue = queue_of(index, wiring, ledger)
        self.on = self.connected = self.listening = True
        self.state = NodeState.ERROR_ACTIVE
        self.tec = self.rec = 0
        self.recovery: Recovery | None = None
        self.suspended_until_ns = 0
        """An error-passive node that has sent does not start another frame before this."""
        self._recovery_ns = wiring.network.nodes[index].recovery_ns
        self._bus_off = False
        self._ledger = ledger
        own = [number for number, message in enumerate(wiring.network.messages) if message.node == index]
        self.bits = sum(wiring.bit_of[message] for message in own)
        """Those of all its messages, see ``Wiring.bit_of``."""
        self._boxes = [box for box, (node, _) in enumerate(wiring.network.boxes) if node == index]
        segment.add(self)

    def release(self, instance: Instance) -> None:
        """Queue a frame."""
        if not self.on or self._bus_off:
            self._ledger.dropped[instance.message] += 1
            return
        self.queue.join(instance)
        if self.listening:
            self.offer()
        else:
            self._talk_to_nobody()

    def take(self, message: int) -> Instance:
        """Return the offered frame of a message, which goes onto the wire."""
        instance = self.queue.take(message)
        self._put_offer()
        return instance

    def put_back(self, instance: Instance) -> None:
        """Queue a frame that has failed, ahead of all others."""
        self.queue.put_back(instance)
        self.offer()

    def offer(self) -> None:
        """Let the queue's first frames take part in the segment's next arbitration."""
        self._put_offer()
        if self.queue.offered:
            self.segment.ask_for_arbitration()

    def add_to_tec(self, change: int) -> None:
        """Count a frame that it sent, with success or without."""
        self.tec = max(self.tec + change, 0)
        if self.tec > BUS_OFF_ABOVE and not self._bus_off and self.on:
            self._go_bus_off()
        self._settle()

    def received(self) -> None:
        """Count a frame of another node."""
        if self.rec:
            self.rec = REC_OF_RECOVERED if self.rec > PASSIVE_ABOVE else self.rec - 1
            self._settle()

    def failed_to_receive(self) -> None:
        """Count a frame of another node that failed."""
        self.rec += 1
        self._settle()

    def connect(self, on: bool) -> None:
        """Connect it to its segment, or break its wire."""
        if on == self.connected:
            return
        self.connected = on
        self.segment.withdraw(self, drop=False)
        self._settle()
        if not on and (self.queue.offered or self.segment.is_sending(self)):
            self._talk_to_nobody()

    def power(self, on: bool) -> None:
        """Switch it on or off; ISO-TP is not its business."""
        if on == self.on:
            return
        self.on = on
        self.segment.withdraw(self, drop=True)
        self.queue.drop_all()
        self.tec = self.rec = 0
        self._bus_off = False
        self._end_recovery()
        self.suspended_until_ns = 0
        for box in self._boxes:
            self._ledger.empty_mailbox(box)
        self._settle()

    def go_bus_off(self) -> None:
        """Go bus-off because somebody wants it to."""
        if not self.on or self._bus_off:
            return
        self.segment.withdraw(self, drop=True)
        self.tec = max(self.tec, BUS_OFF_ABOVE + 1)
        self._go_bus_off()
        self._settle()

    def recover(self) -> None:
        """Take part again after bus-off."""
        self.tec = self.rec = 0
        self._bus_off = False
        self._end_recovery()
        self._settle()

    def _go_bus_off(self) -> None:
        self._bus_off = True
        self._ledger.bus_offs[self.index] += 1
        self.queue.drop_all()
        if self._recovery_ns is not None:
            self.recovery = Recovery(self, self.agenda.now_ns + self._recovery_ns)

    def _end_recovery(self) -> None:
        if self.recovery is not None:
            self.segment.no_longer_recovers(self.recovery)
            self.recovery = None

    def _talk_to_nobody(self) -> None:
        if not self._bus_off and self.tec <= PASSIVE_ABOVE:
            self.tec = PASSIVE_ABOVE + 1
            self._settle()

    def _settle(self) -> None:
        """Draw the conclusions from power, wire and counters."""
        self.state = self._state()
        self._ledger.put_node(self.index, self.tec, self.rec, self.state, self.agenda.now_ns)
        listening = self.on and self.connected and not self._bus_off
        if listening != self.listening:
            self.listening = listening
            self.offer()
            self.segment.listeners_changed()

    def _state(self) -> NodeState:
        if not self.on:
            return NodeState.OFF
        if self._bus_off:
            return NodeState.BUS_OFF
        passive = max(self.tec, self.rec) > PASSIVE_ABOVE
        return NodeState.ERROR_PASSIVE if passive else NodeState.ERROR_ACTIVE

    def _put_offer(self) -> None:
        segment = self.segment
        segment.offered = segment.offered & ~self.bits | (self.queue.offered if self.listening else 0)
