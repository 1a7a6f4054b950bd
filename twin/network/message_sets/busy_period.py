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
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

MOST_STEPS = 20_000
"""Of one frame. A busy period so long means a load near 100 %: the response is then bounded in closed form."""
MOST_WORK = 2_000_000
"""Terms of recurrences, about half a second; what is left after so many is bounded in closed form, too."""
_REFINEMENTS = 8


@dataclass
class Work:
    """What may still be spent on recurrences; counted, not timed, so that the same bus has the same bounds."""

    left: int = MOST_WORK


@dataclass(frozen=True)
class Frame:
    """A message as the recurrences need it; ranks follow priority, 0 wins, and are indices of lists of frames."""

    rank: int
    transmission_ns: int
    period_ns: int
    jitter_ns: int
    queue: str | None
    """The node whose FIFO it shares with other messages; None: it is in arbitration as soon as it is queued."""


def _load(frames: Iterable[Frame]) -> Fraction:
    """Return the share of the time that frames take."""
    totals: Counter[int] = Counter()
    for frame in frames:
        totals[frame.period_ns] += frame.transmission_ns
    return sum((Fraction(total, period_ns) for period_ns, total in totals.items()), Fraction())


def _queues(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Return the frames of each FIFO, and each other frame by itself, by rank."""
    queues: dict[str | int, list[Frame]] = defaultdict(list)
    for frame in frames:
        queues[frame.rank if frame.queue is None else frame.queue].append(frame)
    return list(queues.values())


def blockings_ns(frames: Sequence[Frame]) -> list[int]:
    """Return, for each of all frames by rank, the longest frame that may have won the bus just before it."""
    blockings = [0] * len(frames)
    for queue in _queues(frames):
        blocked_ns = _blocking_ns(frames, queue[-1].rank)
        for frame in queue:
            blockings[frame.rank] = blocked_ns
    return blockings


def _blocking_ns(frames: Sequence[Frame], rank: int) -> int:
    return max((frame.transmission_ns for frame in frames[rank + 1 :]), default=0)


def responses_ns(frames: Sequence[Frame], bit_ns: int, work: Work | None = None) -> list[int | None]:
    """Return the worst response of every frame, frames and responses by rank; spend at most ``work``."""
    work = work or Work()
    queues = _queues(frames)
    responses: list[int | None] = [None] * len(frames)
    shared = [queue for queue in queues if queue[0].queue is not None]
    for queue in shared:
        busy_ns = _busy_with_whole_queues_ns(frames, shared, queue[-1].rank, work)
        for frame in queue:
            responses[frame.rank] = None if busy_ns is None else frame.jitter_ns + busy_ns
    for _ in range(_REFINEMENTS if shared else 1):
        before = list(responses)
        for queue in queues:
            found = _responses_ns(frames, queue, before, bit_ns, work)
            for frame, response_ns in zip(queue, found, strict=True):
                known = [one for one in (before[frame.rank], response_ns) if one is not None]
                responses[frame.rank] = min(known, default=None) if frame.queue is not None else response_ns
        if responses == before:
            break
    return responses


def _busy_with_whole_queues_ns(
    frames: Sequence[Frame], shared: Sequence[Sequence[Frame]], rank: int, work: Work
) -> int | None:
    """Return how long the bus can be busy with the frames down to the lowest of a FIFO, all FIFOs taken whole."""
    reached = -1
    while rank != reached:
        reached = rank
        rank = max(rank, *(queue[-1].rank for queue in shared if queue[0].rank <= rank))
    within = frames[: rank + 1]
    load = _load(within)
    if load > 1:
        return None
    blocked_ns, traffic = _blocking_ns(frames, rank), Traffic.of((one, one.jitter_ns) for one in within)
    busy_ns = _Recurrence(lambda busy_ns: blocked_ns + traffic.queued_ns(busy_ns), len(traffic), work).settled(
        traffic.least_ns(blocked_ns)
    )
    if busy_ns is None and load < 1:
        return math.ceil((blocked_ns + traffic.burst_ns) / (1 - load))
    return busy_ns


def _responses_ns(
    frames: Sequence[Frame], queue: Sequence[Frame], responses: Sequence[int | None], bit_ns: int, work: Work
) -> list[int | None]:
    """Return the worst responses of the frames of one queue, given what is known of the frames in FIFOs."""
    own, above = {frame.rank for frame in queue}, []
    for one in frames[: queue[-1].rank]:
        response_ns = responses[one.rank]
        if one.rank in own:
            continue
        if one.queue is None:
            above.append((one, one.jitter_ns))
        elif response_ns is None:
            return [None] * len(queue)
        else:
            above.append((one, response_ns - one.transmission_ns))
    if _load((*queue, *(one for one, _ in above))) > 1:
        return [None] * len(queue)
    level = _Level(queue, _blocking_ns(frames, queue[-1].rank), Traffic.of(above), bit_ns, work)
    busy_ns = level.busy_ns()
    return [frame.jitter_ns + level.delay_ns(frame, busy_ns) + frame.transmission_ns for frame in queue]


@dataclass(frozen=True)
class Traffic:
    """Frames by period and jitter: how long those of one period and jitter take together."""

    transmission_ns: Mapping[tuple[int, int], int]
    load: Fraction
    """Share of the time that it takes."""
    late_ns: Fraction
    """What it may take beyond its load, at the least: ``queued_ns(t) >= late_ns + load * t``."""

    @classmethod
    def of(cls, frames: Iterable[tuple[Frame, int]]) -> Traffic:
        """Return frames, each with the jitter that others see, as traffic."""
        totals: Counter[tuple[int, int]] = Counter()
        rates: Counter[int] = Counter()
        late: Counter[int] = Counter()
        for frame, jitter_ns in frames:
            totals[frame.period_ns, jitter_ns] += frame.transmission_ns
            rates[frame.period_ns] += frame.transmission_ns
            late[frame.period_ns] += frame.transmission_ns * jitter_ns
        load = sum((Fraction(total, period_ns) for period_ns, total in rates.items()), Fraction())
        return cls(totals, load, sum((Fraction(total, period_ns) for period_ns, total in late.items()), Fraction()))

    def __len__(self) -> int:
        """Return of how many terms ``queued_ns`` is the sum."""
        return len(self.transmission_ns)

    def queued_ns(self, length_ns: int) -> int:
        """Return the longest time that frames queued in a stretch of this length take, its end left out."""
        return sum(
            -(-(length_ns + jitter_ns) // period_ns) * transmission_ns
            for (period_ns, jitter_ns), transmission_ns in self.transmission_ns.items()
        )

    def least_ns(self, fixed_ns: int) -> int:
        """Return a time, 1 or more, that no positive solution of ``t = fixed_ns + queued_ns(t)`` is less than."""
        return max(1, int((fixed_ns + self.late_ns) / (1 - self.load))) if self.load < 1 else 1

    def instants_ns(self, end_ns: int) -> Iterator[int]:
        """Yield when, before ``end_ns``, further frames are queued, if all are so at 0 as late as they can be."""
        for period_ns, jitter_ns in self.transmission_ns:
            yield from range(-jitter_ns % period_ns, end_ns, period_ns)

    @property
    def burst_ns(self) -> Fraction:
        """What it may take beyond its load, at the most: ``queued_ns(t) <= burst_ns + load * t``."""
        return self.late_ns + sum(self.transmission_ns.values())


@dataclass(frozen=True)
class _Level:
    """The frames of a queue and all that may go before one. Delays last from when it is queued to its start."""

    queue: Sequence[Frame]
    blocking_ns: int
    above: Traffic
    """Frames of other nodes that are more urgent than the FIFO's least urgent one, or than the frame."""
    bit_ns: int
    work: Work

    def busy_ns(self) -> int | None:
        """Return how long the bus can be busy with all of them; None where that is too long to be looked at."""
        own = Traffic.of((frame, frame.jitter_ns) for frame in self.queue)
        parts = Counter(own.transmission_ns)
        parts.update(self.above.transmission_ns)
        both = Traffic(parts, own.load + self.above.load, own.late_ns + self.above.late_ns)
        recurrence = _Recurrence(lambda busy_ns: self.blocking_ns + both.queued_ns(busy_ns), len(both), self.work)
        return recurrence.settled(both.least_ns(self.blocking_ns))

    def delay_ns(self, frame: Frame, busy_ns: int | None) -> int:
        """Return the longest delay of all instances of a frame in the busy period, or a bound on it."""
        beside = Traffic.of((one, one.jitter_ns) for one in self.queue if one is not frame)
        exact_ns = None if busy_ns is None else self._exact_delay_ns(frame, beside, busy_ns)
        return self._delay_in_closed_form_ns(beside) if exact_ns is None else exact_ns

    def _exact_delay_ns(self, frame: Frame, beside: Traffic, busy_ns: int) -> int | None:
        """Return the longest delay; None where there are too many instances to be looked at.

        A frame above joins an arbitration where it is queued up to one bit after the others.
        """
        end_ns = busy_ns + frame.jitter_ns
        periods_ns = [frame.period_ns, *(period_ns for period_ns, _ in beside.transmission_ns)]
        count = sum(end_ns // period_ns for period_ns in periods_ns)
        if count > MOST_STEPS or count * (len(beside) + len(self.above) + 1) > self.work.left:
            return None
        fixed_ns = 0
        recurrence = _Recurrence(
            lambda start_ns: fixed_ns + self.above.queued_ns(start_ns + self.bit_ns), len(self.above) + 1, self.work
        )
        longest_ns, start_ns = 0, 0
        for queued_ns in sorted({*range(0, end_ns, frame.period_ns), *beside.instants_ns(end_ns)}):
            ahead_ns = queued_ns // frame.period_ns * frame.transmission_ns + beside.queued_ns(queued_ns + 1)
            self.work.left -= len(beside)
            fixed_ns = self.blocking_ns + ahead_ns
            settled_ns = recurrence.settled(start_ns)
            if settled_ns is None:
                return None
            start_ns = settled_ns
            longest_ns = max(longest_ns, start_ns - queued_ns)
        return longest_ns

    def _delay_in_closed_form_ns(self, beside: Traffic) -> int:
        """Return a bound on the delay for any load up to 1: every count of frames rounded up by a whole one.

        That makes the delay linear in the instant, and falling, so that the first instance has the longest.
        """
        load = self.above.load
        return math.ceil((self.blocking_ns + beside.burst_ns + self.above.burst_ns + load * self.bit_ns) / (1 - load))


@dataclass
class _Recurrence:
    """A rising recurrence, which has ``terms`` and takes at most ``MOST_STEPS`` steps in all."""

    following: Callable[[int], int]
    terms: int
    work: Work
    steps_left: int = MOST_STEPS

    def settled(self, value: int) -> int | None:
        """Return the fixed point that is reached from below; None where it takes too long."""
        while self.steps_left > 0 and self.work.left > 0:
            self.steps_left -= 1
            self.work.left -= self.terms
            following = self.following(value)
            if following == value:
                return value
            value = following
        return None
