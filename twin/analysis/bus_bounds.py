"""What a scenario puts on its buses, and how late each message can be, before anything is run.

Whose firmware sends a message sends it at every activation of its control task; of any other message, the database
says how often. What has neither is listed, and not counted; nor are replayed traces. Frames of ISO-TP channels come as
often as the bus takes them while a transfer runs: bounds hold then, too, loads leave them out. Assumed: the longest
frames, no errors, ECUs in the worst of all phases, all messages of an ECU queued at once, and clocks up to ``FAST_SD``
standard deviations fast, whose ECUs send more often. A message is due when it is queued: an activation's execution time
is constant, and so no jitter.

What a gateway passes on is due when its original was: its worst response on the next segment counts from there, and its
jitter is all that may have passed until then. Segments depend on each other by that, so they are analysed again until
nothing changes; then every bound follows from the others (holistic analysis: Tindell, Clark 1994).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from twin.network.dbc.codec import MessageLayout
from twin.network.message_sets.busy_period import Work
from twin.network.message_sets.periodic import PeriodicMessage
from twin.network.message_sets.worst_case import BusBounds, MessageBound, analyse
from twin.network.network import SHORTEST_FRAME_BITS, Network, Node, Segment
from twin.network.site import SiteNetwork, site_network
from twin.scenario import Scenario
from twin.scenario.architecture import transport_of
from twin.site_buses import site_messages

FAST_SD = 5
"""One clock in 3 million is faster than five standard deviations."""
MOST_ROUNDS = 100
"""Of the analysis of segments that depend on each other; what then still grows has no bound."""
MOST_PERIODS_LATE = 1000
"""What a gateway may pass on later than that has no bound: it grows without end, or is of no use."""


@dataclass(frozen=True)
class SentMessage:
    """A message on a segment, and what is known of it."""

    layout: MessageLayout
    sender: str
    """Its ECU, or the gateway that passes it on."""
    cycle_ns: int
    bound: MessageBound
    """Against the clock of a fast sender."""

    @property
    def identifier(self) -> str:
        """Three hexadecimal digits, or eight where the identifier has 29 bits."""
        return f"{self.layout.identifier:#010x}" if self.layout.extended else f"{self.layout.identifier:#05x}"

    @property
    def label(self) -> str:
        """Its name and identifier."""
        return f"{self.layout.name} ({self.identifier})"


@dataclass(frozen=True)
class SegmentBounds:
    """The messages of one segment, the winner of all arbitrations first."""

    segment: Segment
    messages: tuple[SentMessage, ...]

    @property
    def utilisation(self) -> float:
        """Share of the segment's time that the longest frames take; above 1 it is overloaded."""
        return BusBounds(tuple(one.bound for one in self.messages)).utilisation

    @property
    def starving(self) -> tuple[SentMessage, ...]:
        """Messages that may never get through."""
        return tuple(one for one in self.messages if one.bound.response_ns is None)

    @property
    def late(self) -> tuple[SentMessage, ...]:
        """Messages that get through, but maybe after the next instance is due."""
        return tuple(one for one in self.messages if one.bound.margin_ns is not None and one.bound.margin_ns < 0)

    def warnings(self) -> list[str]:
        """Return a sentence for each thing that is wrong with the segment."""
        name, rate, found = self.segment.name, f"{self.segment.bitrate_bit_s / 1e3:g} kbit/s", []
        starving = _and_others(self.starving)
        if starving and self.utilisation > 1:
            load = f"{100 * self.utilisation:.0f} % of {rate} with the longest frames"
            found.append(f"bus {name} is overloaded, {load}: {starving} can starve")
        elif starving:
            found.append(
                f"bus {name} gets messages from a gateway that starve before it: {starving} can be late at will"
            )
        if self.late:
            worst = max(self.late, key=lambda one: (one.bound.response_ns or 0) / one.bound.deadline_ns)
            response_ms = (worst.bound.response_ns or 0) / 1e6
            others = f"; {len(self.late) - 1} more can be late" if len(self.late) > 1 else ""
            text = f"{worst.label} can take {response_ms:.3f} ms, and is sent every {worst.cycle_ns / 1e6:g} ms"
            found.append(f"messages can be late on bus {name}, {rate}: {text}{others}")
        return [*found, *self._overfull()]

    def _overfull(self) -> Iterator[str]:
        """Yield the FIFOs that cannot hold all that their node may queue at one instant."""
        queued = Counter(one.bound.message.sender for one in self.messages)
        for node, count in queued.items():
            if node is not None and node.queue == "fifo" and count > node.depth:
                held = f"the queue of {node.name} on bus {self.segment.name} holds {node.depth} of the {count} frames"
                yield f"{held} that it can get at once: the rest is dropped"


@dataclass(frozen=True)
class SiteBounds:
    """The buses of a site."""

    segments: tuple[SegmentBounds, ...]
    uncounted: tuple[MessageLayout, ...]
    """Messages of which nobody says how often they are sent."""

    def warnings(self) -> list[str]:
        """Return a sentence for each thing that is wrong, the fullest segment first; none where nothing is."""
        fullest_first = sorted(self.segments, key=lambda segment: -segment.utilisation)
        return [text for segment in fullest_first for text in segment.warnings()]


def bus_warnings(scenario: Scenario) -> list[str]:
    """Return what to say before a run: overloaded buses with what starves, messages that may miss their deadline.

    Raises InputError as ``site_bounds`` does.
    """
    return site_bounds(scenario).warnings()


def site_bounds(scenario: Scenario) -> SiteBounds:
    """Return what is known of all messages on a site's buses; every site has the same.

    Raises InputError where the database or the options of the bus are wrong.
    """
    layouts = site_messages(scenario)
    site = site_network(layouts, scenario.bus, transport=transport_of(scenario))
    carrying = {
        message for segment in range(len(site.network.segments)) for message in _carrying(site.network, segment)
    }
    cycles = {
        message: cycle_ns
        for (index, _), message in site.copies.items()
        if (cycle_ns := layouts[index].cycle_ns) is not None and message not in carrying
    }
    fast_ppm = FAST_SD * scenario.bms.clock_drift_ppm
    shortest_ns = {one: int(cycle_ns * (1_000_000 - fast_ppm)) // 1_000_000 for one, cycle_ns in cycles.items()}
    bounds = bounds_of(site.network, shortest_ns)
    origin = {message: layout for (layout, _), message in site.copies.items()}
    segments = []
    for number, segment in enumerate(site.network.segments):
        sent = [
            SentMessage(layouts[origin[message]], _ecu(site, message), cycles[message], bound)
            for message, bound in bounds.items()
            if site.network.segment_of(message) == number
        ]
        segments.append(SegmentBounds(segment, tuple(sorted(sent, key=lambda one: one.bound.message.priority))))
    known = carrying.union(cycles)
    uncounted = [layout for index, layout in enumerate(layouts) if site.origins[0, index] not in known]
    return SiteBounds(tuple(segments), tuple(uncounted))


def bounds_of(network: Network, cycles: Mapping[int, int]) -> dict[int, MessageBound]:
    """Return what is known of each message of ``cycles``, which are sent every so many ns, also during transfers."""
    jitter_ns: dict[int, int | None] = dict.fromkeys(cycles, 0)
    bounds: dict[int, MessageBound] = {}
    changed, work = set(range(len(network.segments))), Work()
    for _ in range(MOST_ROUNDS):
        for segment in sorted(changed):
            bounds |= _segment_bounds(network, segment, cycles, jitter_ns, work)
        passed_on = _passed_on_ns(network, cycles, bounds, jitter_ns)
        changed = {network.segment_of(one) for one, late_ns in passed_on.items() if jitter_ns[one] != late_ns}
        if not changed:
            return bounds
        jitter_ns |= passed_on
    jitter_ns |= dict.fromkeys(passed_on)
    for segment in range(len(network.segments)):
        bounds |= _segment_bounds(network, segment, cycles, jitter_ns, work)
    return bounds


def _passed_on_ns(
    network: Network, cycles: Mapping[int, int], bounds: Mapping[int, MessageBound], jitter_ns: Mapping[int, int | None]
) -> dict[int, int | None]:
    """Return how long after the original was due a gateway has queued what it passes on; None: no bound.

    What has lost its bound does not get one again, so that the rounds come to an end.
    """
    queued_ns: dict[int, int | None] = {}
    for route in network.routes:
        if route.message in bounds:
            response_ns = bounds[route.message].response_ns
            late_ns = None if response_ns is None else response_ns + route.delay_ns
            most_ns = MOST_PERIODS_LATE * cycles[route.to]
            lost = late_ns is None or late_ns > most_ns or jitter_ns[route.to] is None
            queued_ns[route.to] = None if lost else late_ns
    return queued_ns


def _segment_bounds(
    network: Network, segment: int, cycles: Mapping[int, int], jitter_ns: Mapping[int, int | None], work: Work
) -> dict[int, MessageBound]:
    """Return the bounds of a segment, given how late messages are queued; what may wait for one of None has none."""
    on_it = [message for message in cycles if network.segment_of(message) == segment]
    periodic = [_periodic(network, message, cycles[message], jitter_ns[message] or 0) for message in on_it]
    rates = network.segments[segment]
    apart_ns = math.ceil(SHORTEST_FRAME_BITS * 1e9 / rates.bitrate_bit_s)
    periodic += [_periodic(network, message, apart_ns, 0) for message in _carrying(network, segment)]
    found = analyse(periodic, rates.bitrate_bit_s, data_bitrate_bit_s=rates.data_bitrate_bit_s, work=work).messages
    by_message = dict(zip(on_it, found[: len(on_it)], strict=True))
    lost = _without_bound(network, by_message, {message for message in on_it if jitter_ns[message] is None})
    return by_message | {message: replace(by_message[message], response_ns=None) for message in lost}


def _carrying(network: Network, segment: int) -> list[int]:
    """Return the messages of a segment that carry ISO-TP."""
    both = [message for channel in network.channels for message in (channel.request, channel.response)]
    return [message for message in both if network.segment_of(message) == segment]


def _without_bound(network: Network, bounds: Mapping[int, MessageBound], lost: set[int]) -> set[int]:
    """Return the messages of a segment that may wait for those of ``lost``, themselves included.

    That is what has a lower priority, and what stands in a FIFO that also holds such a message.
    """
    priority = {message: bound.message.priority for message, bound in bounds.items()}
    lowest = dict(priority)
    for message in bounds:
        node = network.messages[message].node
        if network.nodes[node].queue == "fifo":
            lowest[message] = max(priority[one] for one in bounds if network.messages[one].node == node)
    while lost:
        first = min(priority[message] for message in lost)
        waiting = {message for message in bounds if lowest[message] >= first}
        if waiting == lost:
            break
        lost = waiting
    return lost


def _periodic(network: Network, message: int, cycle_ns: int, jitter_ns: int) -> PeriodicMessage:
    """Return a message of the network as an analysis takes it."""
    one = network.messages[message]
    node = network.nodes[one.node]
    return PeriodicMessage(
        one.identifier,
        cycle_ns,
        0,
        jitter_ns,
        bytes(one.length),
        one.frame_bits,
        Node(node.name, queue=node.queue, depth=node.depth),
        extended=one.extended,
        fd=one.fd,
        bit_rate_switch=one.bit_rate_switch,
    )


def _ecu(site: SiteNetwork, message: int) -> str:
    """Return whose controller sends a message of the network."""
    node = site.network.messages[message].node
    return next(ecu for ecu, on in site.controllers.items() if node in on.values())


def _and_others(messages: Sequence[SentMessage]) -> str:
    """Name the first of some messages, and count the others."""
    if not messages:
        return ""
    count = len(messages) - 1
    return messages[0].label + (f" and {count} of lower priority" if count else "")
