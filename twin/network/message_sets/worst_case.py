"""Worst-case response times of periodic messages on one CAN bus, before anything is run.

Method: Davis, Burns, Bril, Lukkien 2007, "Controller Area Network (CAN) schedulability analysis: refuted, revisited and
revised", doi:10.1007/s11241-007-9012-7. A response lasts from the instant at which a frame is due to the end of its
interframe space. It is bounded by the longest frame of lower priority, which cannot be stopped (*blocking*), and by all
frames that may go first; every instance in the *busy period* is looked at, because the first need not be the worst.

``twin.network.message_sets.busy_period`` has the recurrences, and how nodes with a FIFO enter them.

Assumptions: no errors, no remote frames, one segment; every message has its own transmit buffer, or its node a FIFO;
offsets may be any, so the bound holds for clocks that are not synchronised. Frames are as long as a payload of their
length can make them. Exact integers: a frame that is not whole nanoseconds long is rounded up, so that rounding to the
nearest, as the engines do, never exceeds the bound.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from twin.errors import InputError, Problem
from twin.network.message_sets.busy_period import Frame, Work, blockings_ns, responses_ns
from twin.network.message_sets.periodic import PeriodicMessage


@dataclass(frozen=True)
class MessageBound:
    """What is known of a message before anything is run."""

    message: PeriodicMessage
    worst_bits: int
    """Of its frame, interframe space included."""
    transmission_ns: int
    blocking_ns: int
    """Longest frame that may have won the bus just before."""
    response_ns: int | None
    """None: no bound, the message can starve."""

    @property
    def identifier(self) -> int:
        """The message's."""
        return self.message.identifier

    @property
    def deadline_ns(self) -> int:
        """The period: when the next instance is due, this one should be gone."""
        return self.message.period_ns

    @property
    def margin_ns(self) -> int | None:
        """What is left of the deadline in the worst case; None where there is no bound."""
        return None if self.response_ns is None else self.deadline_ns - self.response_ns

    @property
    def utilisation(self) -> float:
        """Share of the bus's time that its longest frames take."""
        return self.transmission_ns / self.message.period_ns


@dataclass(frozen=True)
class BusBounds:
    """The messages of a bus, in the order in which they were given."""

    messages: tuple[MessageBound, ...]

    @property
    def utilisation(self) -> float:
        """Share of the bus's time that the longest frames of all messages take; above 1 it is overloaded."""
        return math.fsum(bound.utilisation for bound in self.messages)

    @property
    def starving(self) -> tuple[MessageBound, ...]:
        """Messages without a bound, by priority: the first starves while those before it get through."""
        return tuple(bound for bound in self.by_priority if bound.response_ns is None)

    @property
    def late(self) -> tuple[MessageBound, ...]:
        """Messages whose response is bounded, but may exceed the deadline, by priority."""
        return tuple(bound for bound in self.by_priority if bound.margin_ns is not None and bound.margin_ns < 0)

    @property
    def by_priority(self) -> tuple[MessageBound, ...]:
        """All messages, the winner of all arbitrations first."""
        return tuple(sorted(self.messages, key=lambda bound: bound.message.priority))


def response_times(
    messages: Sequence[PeriodicMessage], bitrate_bit_s: float, *, data_bitrate_bit_s: float | None = None
) -> dict[int, int | None]:
    """Return the worst-case response times in ns by identifier, in the order of the messages.

    None: there is no bound, the message can starve. Raises InputError as ``analyse`` does, and where a base and an
    extended message share an identifier's number.
    """
    bounds = analyse(messages, bitrate_bit_s, data_bitrate_bit_s=data_bitrate_bit_s).messages
    numbers = Counter(bound.identifier for bound in bounds)
    if shared := [number for number, count in numbers.items() if count > 1]:
        text = "a base and an extended message have this number"
        raise InputError(
            Problem(text, path=f"{number:#x}", suggestion="analyse() tells them apart") for number in shared
        )
    return {bound.identifier: bound.response_ns for bound in bounds}


def analyse(
    messages: Sequence[PeriodicMessage],
    bitrate_bit_s: float,
    *,
    data_bitrate_bit_s: float | None = None,
    work: Work | None = None,
) -> BusBounds:
    """Return what is known of each message on one bus; ``data_bitrate_bit_s`` None: as the rest.

    ``work``, if given, is shared with other analyses: once it is spent, bounds near 100 % load are looser.

    Raises InputError on two messages of one identifier, several segments, nodes of one name that differ, bit rates that
    no bus has.
    """
    if problems := [*_disagreements(messages), *_rates(bitrate_bit_s, data_bitrate_bit_s)]:
        raise InputError(problems)
    order = sorted(range(len(messages)), key=lambda index: messages[index].priority)
    frames = _frames([messages[index] for index in order], bitrate_bit_s, data_bitrate_bit_s or bitrate_bit_s)
    responses = responses_ns(frames, _nanoseconds(1, bitrate_bit_s), work)
    blockings = blockings_ns(frames)
    found = {}
    for index, frame, response_ns in zip(order, frames, responses, strict=True):
        blocked_ns, worst_bits = blockings[frame.rank], sum(messages[index].worst_bits())
        found[index] = MessageBound(messages[index], worst_bits, frame.transmission_ns, blocked_ns, response_ns)
    return BusBounds(tuple(found[index] for index in range(len(messages))))


def _frames(messages: Sequence[PeriodicMessage], bitrate_bit_s: float, data_bitrate_bit_s: float) -> list[Frame]:
    """Return messages in the order of priority as frames."""
    fifos = Counter(one.sender.name for one in messages if one.sender is not None and one.sender.queue == "fifo")
    frames = []
    for rank, message in enumerate(messages):
        nominal_bits, data_bits = message.worst_bits()
        transmission_ns = _nanoseconds(nominal_bits, bitrate_bit_s) + _nanoseconds(data_bits, data_bitrate_bit_s)
        name = "" if message.sender is None else message.sender.name
        queue = name if fifos[name] > 1 else None
        frames.append(Frame(rank, transmission_ns, message.period_ns, message.jitter_ns, queue))
    return frames


def _nanoseconds(bits: int, bitrate_bit_s: float) -> int:
    return math.ceil(bits * 10**9 / Fraction(bitrate_bit_s))


def _disagreements(messages: Sequence[PeriodicMessage]) -> Iterator[Problem]:
    for (identifier, extended), count in Counter((one.identifier, one.extended) for one in messages).items():
        if count > 1:
            kind = "extended" if extended else "base"
            yield Problem(f"{count} messages of this {kind} identifier; expected one", path=f"{identifier:#x}")
    senders = [message.sender for message in messages]
    nodes = list(dict.fromkeys(sender for sender in senders if sender is not None))
    for name, count in Counter(node.name for node in nodes).items():
        if count > 1:
            yield Problem(f"{count} different nodes of this name; expected one", path=name)
    segments = {0 if sender is None else sender.segment for sender in senders}
    if len(segments) > 1:
        yield Problem(f"messages on {len(segments)} segments", suggestion="analyse each segment by itself")


def _rates(bitrate_bit_s: float, data_bitrate_bit_s: float | None) -> Iterator[Problem]:
    if not 0 < bitrate_bit_s < math.inf:
        yield Problem(f"found {bitrate_bit_s:g} bit/s; expected more than 0", path="bitrate_bit_s")
    elif data_bitrate_bit_s is not None and not bitrate_bit_s <= data_bitrate_bit_s < math.inf:
        found = f"found {data_bitrate_bit_s:g} bit/s; expected at least the nominal bit rate, {bitrate_bit_s:g}"
        yield Problem(found, path="data_bitrate_bit_s")
