"""Transmit queues: which of a node's frames takes part in arbitration, and what becomes of those that find no room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque

from twin.network.engines.simpy.frames import Instance
from twin.network.engines.simpy.ledger import Ledger
from twin.network.engines.simpy.wiring import Wiring


class Queue(ABC):
    """The frames that wait at a node; ``offered`` has the bits (``Wiring.bit_of``) of those that may be sent next."""

    def __init__(self, wiring: Wiring, ledger: Ledger) -> None:
        self.offered = 0
        self._bit_of = wiring.bit_of
        self._ledger = ledger

    @abstractmethod
    def join(self, instance: Instance) -> None:
        """Take a frame that is released, if there is room."""

    @abstractmethod
    def take(self, message: int) -> Instance:
        """Return the offered frame of a message, which goes onto the wire."""

    @abstractmethod
    def put_back(self, instance: Instance) -> None:
        """Take a frame that has failed, ahead of all that wait."""

    @abstractmethod
    def drop_all(self) -> None:
        """Lose all that waits."""


class TransmitBuffers(Queue):
    """A ``priority`` node: every message waits by itself, and all are offered."""

    def __init__(self, wiring: Wiring, ledger: Ledger, index: int) -> None:
        super().__init__(wiring, ledger)
        own = [number for number, message in enumerate(wiring.network.messages) if message.node == index]
        self._waiting: dict[int, deque[Instance]] = {message: deque() for message in own}
        self._depths = {message: wiring.network.messages[message].depth for message in own}

    def join(self, instance: Instance) -> None:
        """Take a frame that is released, if there is room."""
        message = instance.message
        waiting, depth = self._waiting[message], self._depths[message]
        if depth == 0 and waiting:
            self._ledger.overwritten[message] += 1
            waiting.clear()
        elif depth and len(waiting) >= depth:
            self._ledger.dropped[message] += 1
            return
        waiting.append(instance)
        self.offered |= self._bit_of[message]

    def take(self, message: int) -> Instance:
        """Return the offered frame of a message, which goes onto the wire."""
        waiting = self._waiting[message]
        instance = waiting.popleft()
        if not waiting:
            self.offered ^= self._bit_of[message]
        return instance

    def put_back(self, instance: Instance) -> None:
        """Take a frame that has failed, ahead of all that wait."""
        message = instance.message
        if self._depths[message] == 0 and self._waiting[message]:
            self._ledger.overwritten[message] += 1
            return
        self._waiting[message].appendleft(instance)
        self.offered |= self._bit_of[message]

    def drop_all(self) -> None:
        """Lose all that waits."""
        for message, waiting in self._waiting.items():
            self._ledger.dropped[message] += len(waiting)
            waiting.clear()
        self.offered = 0


class Fifo(Queue):
    """A ``fifo`` node: all frames wait in one order, and the first one is offered."""

    def __init__(self, wiring: Wiring, ledger: Ledger, depth: int) -> None:
        super().__init__(wiring, ledger)
        self._waiting: deque[Instance] = deque()
        self._depth = depth

    def join(self, instance: Instance) -> None:
        """Take a frame that is released, if there is room."""
        if len(self._waiting) >= self._depth:
            self._ledger.dropped[instance.message] += 1
            return
        self._waiting.append(instance)
        self._offer()

    def take(self, message: int) -> Instance:  # noqa: ARG002 - the first one is the only one that is offered
        """Return the offered frame of a message, which goes onto the wire."""
        instance = self._waiting.popleft()
        self._offer()
        return instance

    def put_back(self, instance: Instance) -> None:
        """Take a frame that has failed, ahead of all that wait."""
        self._waiting.appendleft(instance)
        self._offer()

    def drop_all(self) -> None:
        """Lose all that waits."""
        for instance in self._waiting:
            self._ledger.dropped[instance.message] += 1
        self._waiting.clear()
        self.offered = 0

    def _offer(self) -> None:
        self.offered = self._bit_of[self._waiting[0].message] if self._waiting else 0


def queue_of(index: int, wiring: Wiring, ledger: Ledger) -> Queue:
    """Return the queue of a node."""
    node = wiring.network.nodes[index]
    return Fifo(wiring, ledger, node.depth) if node.queue == "fifo" else TransmitBuffers(wiring, ledger, index)
