"""The recurrences behind ``twin.network.message_sets.worst_case``: blocking, busy periods, nodes with a FIFO.

A node with a FIFO sends a frame after all that were queued in it earlier, whatever their priorities. Let L be the
lowest priority in the FIFO. While the FIFO is not empty, its head is at least as urgent as L; so, but for one frame
that had won before, frames below L wait. What goes before a frame of the FIFO is thus bounded by blocking at L, by what
can have been queued in the FIFO up to its own instant, and by the frames of other nodes above L.

To these others, a frame of a FIFO exists once it is the head: to them, its jitter is all of its response but its own
length. That jitter is first bounded by the longest time for which the bus can be busy with a set of messages that has
every FIFO as a whole, because order does not matter to that time; and then by the responses so found, again and again.
Each bound follows from a bound, so each is safe. (Davis, Kollmann, Pollex, Slomka 2011, "Controller Area Network (CAN)
schedulability analysis with FIFO queues", also count the time in a FIFO as jitter.)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

MOST_STEPS = 20_000
"""Of one recurrence. A busy period so long means a load near 100 %: the response is then bounded in closed form."""
_REFINEMENTS = 8


@dataclass(frozen=True)
class Frame:
    """A message as the recurrences need it; ranks follow priority, 0 wins, and are indices of lists of frames."""

    rank: int
    transmission_ns: int
    period_ns: int
    jitter_ns: int
    queue: str | None
    """The node whose FIFO it shares with other messages; None: it is in arbitration as soon as it is queued."""

    @property
    def load(self) -> Fraction:
        """Share of the time that it takes."""
        return Fraction(self.transmission_ns, self.period_ns)


def _queue(frames: Sequence[Frame], frame: Frame) -> list[Frame]:
    """Return the frames of the same FIFO, itself included."""
    return [frame] if frame.queue is None else [one for one in frames if one.queue == frame.queue]


def _lowest(frames: Sequence[Frame]) -> int:
    return max(frame.rank for frame in frames)


def blocking_ns(frames: Sequence[Frame], frame: Frame) -> int:
    """Return the longest frame, of all ``frames`` by rank, that may have won the bus just before this one."""
    return _blocking_ns(frames, _lowest(_queue(frames, frame)))


def _blocking_ns(frames: Sequence[Frame], rank: int) -> int:
    return max((frame.transmission_ns for frame in frames if frame.rank > rank), default=0)


def responses_ns(frames: Sequence[Frame], bit_ns: int) -> list[int | None]:
    """Return the worst response of every frame, frames and responses by rank."""
    responses: list[int | None] = [None] * len(frames)
    shared = [frame for frame in frames if frame.queue is not None]
    for frame in shared:
        busy_ns = _busy_with_whole_queues_ns(frames, frame)
        responses[frame.rank] = None if busy_ns is None else frame.jitter_ns + busy_ns
    for _ in range(_REFINEMENTS if shared else 1):
        before = responses
        responses = [_response_ns(frames, frame, before, bit_ns) for frame in frames]
        for frame in shared:
            known = [one for one in (before[frame.rank], responses[frame.rank]) if one is not None]
            responses[frame.rank] = min(known, default=None)
        if responses == before:
            break
    return responses


def _busy_with_whole_queues_ns(frames: Sequence[Frame], frame: Frame) -> int | None:
    """Return how long the bus can be busy with the frames down to the lowest of a FIFO, all FIFOs taken whole."""
    rank, reached = -1, _lowest(_queue(frames, frame))
    while rank != reached:
        rank = reached
        reached = max(_lowest(_queue(frames, one)) for one in frames if one.rank <= rank)
    within = [one for one in frames if one.rank <= rank]
    load = sum(one.load for one in within)
    if load > 1:
        return None
    blocked_ns, traffic = _blocking_ns(frames, rank), _Traffic.of((one, one.jitter_ns) for one in within)
    busy_ns = _settled(lambda busy_ns: blocked_ns + traffic.queued_ns(busy_ns), 1)
    if busy_ns is None and load < 1:
        return math.ceil((blocked_ns + traffic.burst_ns) / (1 - load))
    return busy_ns


def _response_ns(frames: Sequence[Frame], frame: Frame, responses: Sequence[int | None], bit_ns: int) -> int | None:
    """Return the worst response of a frame, given what is known of the frames in FIFOs."""
    queue = _queue(frames, frame)
    rank = _lowest(queue)
    above = []
    for one in frames[:rank]:
        response_ns = responses[one.rank]
        if one in queue:
            continue
        if one.queue is None:
            above.append((one, one.jitter_ns))
        elif response_ns is None:
            return None
        else:
            above.append((one, response_ns - one.transmission_ns))
    if sum(one.load for one in (*queue, *(one for one, _ in above))) > 1:
        return None
    beside = _Traffic.of((one, one.jitter_ns) for one in queue if one is not frame)
    level = _Level(frame, _blocking_ns(frames, rank), beside, _Traffic.of(above), bit_ns)
    exact_ns = level.delay_ns()
    delay_ns = level.delay_in_closed_form_ns() if exact_ns is None else exact_ns
    return frame.jitter_ns + delay_ns + frame.transmission_ns


@dataclass(frozen=True)
class _Traffic:
    """Frames by period and jitter: how long those of one period and jitter take together."""

    transmission_ns: Mapping[tuple[int, int], int]

    @classmethod
    def of(cls, frames: Iterable[tuple[Frame, int]]) -> _Traffic:
        """Return frames, each with the jitter that others see, as traffic."""
        totals: Counter[tuple[int, int]] = Counter()
        for frame, jitter_ns in frames:
            totals[frame.period_ns, jitter_ns] += frame.transmission_ns
        return cls(totals)

    def queued_ns(self, length_ns: int) -> int:
        """Return the longest time that frames queued in a stretch of this length take, its end left out."""
        return sum(
            -(-(length_ns + jitter_ns) // period_ns) * transmission_ns
            for (period_ns, jitter_ns), transmission_ns in self.transmission_ns.items()
        )

    def instants_ns(self, end_ns: int) -> Iterator[int]:
        """Yield when, before ``end_ns``, further frames are queued, if all are so at 0 as late as they can be."""
        for period_ns, jitter_ns in self.transmission_ns:
            yield from range(-jitter_ns % period_ns, end_ns, period_ns)

    @property
    def load(self) -> Fraction:
        """Share of the time that it takes."""
        return sum((Fraction(total, period) for (period, _), total in self.transmission_ns.items()), Fraction())

    @property
    def burst_ns(self) -> Fraction:
        """What it may take beyond its load: ``queued_ns(t) <= burst_ns + load * t``."""
        return sum(
            (total * (1 + Fraction(jitter, period)) for (period, jitter), total in self.transmission_ns.items()),
            Fraction(),
        )


@dataclass(frozen=True)
class _Level:
    """A frame and all that may go before it. Delays last from the instant at which it is queued to its start."""

    frame: Frame
    blocking_ns: int
    beside: _Traffic
    """The others of its FIFO."""
    above: _Traffic
    """Frames of other nodes that are more urgent than the FIFO's least urgent one, or than the frame."""
    bit_ns: int

    def delay_ns(self) -> int | None:
        """Return the longest delay of all instances in the busy period; None where that is too long to be looked at."""
        frame = self.frame
        own = _Traffic.of([(frame, frame.jitter_ns)])
        parts = own, self.beside, self.above
        busy_ns = _settled(lambda busy_ns: self.blocking_ns + sum(part.queued_ns(busy_ns) for part in parts), 1)
        if busy_ns is None:
            return None
        end_ns = busy_ns + frame.jitter_ns
        periods_ns = [period_ns for part in (own, self.beside) for period_ns, _ in part.transmission_ns]
        if sum(end_ns // period_ns for period_ns in periods_ns) > MOST_STEPS:
            return None
        longest_ns, start_ns = 0, 0
        for queued_ns in sorted({*range(0, end_ns, frame.period_ns), *self.beside.instants_ns(end_ns)}):
            settled_ns = self._start_ns(queued_ns, start_ns)
            if settled_ns is None:
                return None
            start_ns = settled_ns
            longest_ns = max(longest_ns, start_ns - queued_ns)
        return longest_ns

    def _start_ns(self, queued_ns: int, earliest_ns: int) -> int | None:
        """Return when an instance queued at an instant of the busy period starts at the latest.

        A frame above joins an arbitration where it is queued up to one bit after the others.
        """
        frame = self.frame
        ahead_ns = queued_ns // frame.period_ns * frame.transmission_ns + self.beside.queued_ns(queued_ns + 1)
        fixed_ns = self.blocking_ns + ahead_ns
        return _settled(lambda start_ns: fixed_ns + self.above.queued_ns(start_ns + self.bit_ns), earliest_ns)

    def delay_in_closed_form_ns(self) -> int:
        """Return a bound on the delay for any load up to 1: every count of frames rounded up by a whole one.

        That makes the delay linear in the instant, and falling, so that the first instance has the longest.
        """
        load = self.above.load
        return math.ceil(
            (self.blocking_ns + self.beside.burst_ns + self.above.burst_ns + load * self.bit_ns) / (1 - load)
        )


def _settled(recurrence: Callable[[int], int], start: int) -> int | None:
    """Return the fixed point that a rising recurrence reaches from below; None where it takes too long."""
    value = start
    for _ in range(MOST_STEPS):
        following = recurrence(value)
        if following == value:
            return value
        value = following
    return None
