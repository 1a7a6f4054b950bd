"""Recovery from bus-off: 128 sequences of 11 recessive bits, counted on the node's segment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twin.network.engines.simpy.agenda import RECOVERIES, Due

if TYPE_CHECKING:
    from twin.network.engines.simpy.node import Node

SEQUENCES = 128
SEQUENCE_BITS = 11


class Recovery:
    """One node's way back; it ends early where the node is switched off (``Node.recovery`` is another one then)."""

    def __init__(self, node: Node, begin_ns: int) -> None:
        self._node = node
        self._segment = node.segment
        self._agenda = node.agenda
        self._left = SEQUENCES
        self._idle_since_ns: int | None = None
        self._done_ns: int | None = None
        self._plan(begin_ns, self._begin)

    def frame_started(self, now_ns: int) -> None:
        """Count the sequences of the idle time that ends now; a part of one is lost."""
        if self._idle_since_ns is not None:
            self._left -= self._whole_sequences(now_ns - self._idle_since_ns)
            self._idle_since_ns = self._done_ns = None

    def frame_ended(self, finish_ns: int) -> None:
        """Count one sequence at the finish of a frame that has been seen, or has failed."""
        self._plan(finish_ns, self._finished)

    def _begin(self, _: Due) -> None:
        if self._node.recovery is not self:
            return
        self._segment.recovering.append(self)
        if self._segment.idle:
            self._count_while_idle()
        elif self._segment.attempt is None:
            self.frame_ended(self._segment.finish_ns)

    def _finished(self, _: Due) -> None:
        if self._node.recovery is self:
            self._left -= 1
            self._count_while_idle()

    def _count_while_idle(self) -> None:
        now_ns = self._agenda.now_ns
        self._idle_since_ns = now_ns
        self._done_ns = now_ns + self._sequences_ns(self._left)
        self._plan(self._done_ns, self._done)

    def _done(self, _: Due) -> None:
        if self._node.recovery is self and self._done_ns == self._agenda.now_ns:
            self._node.recover()

    def _whole_sequences(self, idle_ns: int) -> int:
        count = idle_ns // self._sequences_ns(1)
        while self._sequences_ns(count) > idle_ns:  # one sequence may have been rounded down
            count -= 1
        while self._sequences_ns(count + 1) <= idle_ns:
            count += 1
        return count

    def _sequences_ns(self, count: int) -> int:
        return self._segment.timing.duration_ns(SEQUENCE_BITS * count)

    def _plan(self, time_ns: int, act: Callable[[Due], None]) -> None:
        self._agenda.plan(time_ns, RECOVERIES + self._node.index, act)
