"""What a site's network consists of: segments, the nodes on them, their messages, gateways' routes, ISO-TP channels.

Everything is named by its index: a node says which segment it is on, a message which node sends it. All sites of an
engine have the same network.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from twin.errors import InputError, Problem
from twin.network.frames.bits import CLASSIC_LENGTHS, FD_LENGTHS, FrameFormat

ALL_BITS = (1 << 29) - 1
SHORTEST_FRAME_BITS = 47
"""Of no data and no stuff bit, interframe space included."""
LEAST_FRAME_BITS, MOST_FRAME_BITS = 12, 1 << 20
STMIN_US_NS = range(100_000, 1_000_000, 100_000)
STMIN_MS_NS = range(0, 128_000_000, 1_000_000)
"""The separation times that a flow control frame can state: 0.1 to 0.9 ms, and 0 to 127 ms."""


@dataclass(frozen=True)
class Segment:
    """One CAN bus of a site."""

    name: str = "can"
    bitrate_bit_s: float = 500_000.0
    data_bitrate_bit_s: float | None = None
    """Of CAN FD frames between the switch points; None: as the rest."""


@dataclass(frozen=True)
class Filter:
    """An acceptance filter: accepts identifiers that equal ``identifier`` in the bits that ``mask`` has."""

    identifier: int
    mask: int = ALL_BITS
    extended: bool = False

    def accepts(self, identifier: int, extended: bool) -> bool:
        """Return whether frames of this identifier pass."""
        return extended == self.extended and (identifier ^ self.identifier) & self.mask == 0


@dataclass(frozen=True)
class Node:
    """A CAN controller on one segment; a gateway is one on each of its segments."""

    name: str
    segment: int = 0
    queue: Literal["priority", "fifo"] = "priority"
    """``priority``: of all frames that wait, that of the highest priority takes part in arbitration. ``fifo``: the
    oldest does, and a high priority waits behind it (priority inversion)."""
    depth: int = 32
    """Frames that a ``fifo`` holds; a further one is dropped."""
    accepts: tuple[Filter, ...] = ()
    """What gets into its receive mailboxes; any node acknowledges any frame."""
    recovery_ns: int | None = 0
    """From bus-off to the begin of recovery (128 times 11 recessive bits); None: it stays off."""


@dataclass(frozen=True)
class Message:
    """Frames of one identifier, all sent by one node."""

    name: str
    identifier: int
    length: int
    node: int
    extended: bool = False
    fd: bool = False
    bit_rate_switch: bool = False
    remote: bool = False
    """A request for the message that a ``Route`` names; ``length`` is the requested one, and no data are sent."""
    deadline_ns: int | None = None
    """From release to reception; later frames count as misses."""
    depth: int = 0
    """0: one transmit buffer, in which a newer instance replaces one that waits. n: up to n instances wait in order, as
    transport protocols need it. A ``fifo`` node ignores it."""
    varying: bool = False
    """Frames have any length up to ``length``."""
    frame_bits: int | None = None
    """Replaces the length that frames have by their content, interframe space included, as analyses do."""

    def frame_format(self, length: int) -> FrameFormat:
        """Return the format of its frames of a length."""
        kind = {"fd": self.fd, "bit_rate_switch": self.bit_rate_switch, "remote": self.remote}
        return FrameFormat(self.identifier, length, self.extended, **kind)

    def lengths(self) -> tuple[int, ...]:
        """Return the lengths that its frames may have."""
        known = FD_LENGTHS if self.fd else CLASSIC_LENGTHS
        return tuple(length for length in known if length <= self.length) if self.varying else (self.length,)


@dataclass(frozen=True)
class Route:
    """A gateway passes a message on: what ``node`` has received it sends as ``to``, ``delay_ns`` after reception.

    Where ``message`` is a remote frame, ``to`` is sent with its latest content instead: the request is answered. That
    is the content of the instance that was released last when the request is seen, sent or not; zeros before the first.
    """

    message: int
    node: int
    to: int
    delay_ns: int = 0


@dataclass(frozen=True)
class Channel:
    """An ISO-TP connection of two nodes (ISO 15765-2): ``request`` carries frames one way, ``response`` the other.

    Link ``2 * channel`` transfers from the sender of ``request``, link ``2 * channel + 1`` from that of ``response``;
    both may be busy at once. The other numbers hold for both ends.
    """

    request: int
    response: int
    block_size: int = 0
    """Consecutive frames that a receiver takes before the next flow control; 0: all."""
    stmin_ns: int = 0
    """Shortest time between the starts of consecutive frames that a receiver asks for."""
    padding: int | None = 0xCC
    """Byte that fills a frame up to 8 bytes; None: frames are as short as they can be. CAN FD frames are always filled
    up to a length that exists."""
    flow_control_ns: int = 0
    """From reception to the flow control's release."""
    separation_ns: int = 0
    """From a sender's confirmation, or a flow control, to its next consecutive frame's release."""
    timeout_ns: int = 1_000_000_000
    """N_As, N_Bs and N_Cr."""
    buffer_bytes: int = 1 << 20
    """The longest transfer that a receiver takes."""


@dataclass(frozen=True)
class Network:
    """The network of a site. Raises InputError with everything in it that does not agree."""

    segments: tuple[Segment, ...]
    nodes: tuple[Node, ...]
    messages: tuple[Message, ...]
    routes: tuple[Route, ...] = ()
    channels: tuple[Channel, ...] = ()

    def __post_init__(self) -> None:
        problems = [*_misplaced(self)] or [*_mistakes(self)]
        if problems:
            raise InputError(problems)

    @cached_property
    def payload_bytes(self) -> int:
        """Bytes that every payload array has room for: 64 where a message is CAN FD, else 8."""
        return 64 if any(message.fd for message in self.messages) else 8

    @cached_property
    def boxes(self) -> tuple[tuple[int, int], ...]:
        """The receive mailboxes, (node, message) each: one for every message that passes a node's filters."""
        return tuple(
            (index, place)
            for index, node in enumerate(self.nodes)
            for place, message in enumerate(self.messages)
            if self.segment_of(place) == node.segment and message.node != index and not message.remote
            if any(one.accepts(message.identifier, message.extended) for one in node.accepts)
        )

    @cached_property
    def box(self) -> NDArray[np.int64]:
        """``[node, message]``: index into ``boxes``, -1 where the node does not receive the message."""
        table = np.full((len(self.nodes), len(self.messages)), -1, np.int64)
        for index, (node, message) in enumerate(self.boxes):
            table[node, message] = index
        return table

    def segment_of(self, message: int) -> int:
        """Return the segment that a message is sent on."""
        return self.nodes[self.messages[message].node].segment

    def priority_order(self) -> list[int]:
        """Return the messages' indices, the winner of all arbitrations first.

        Bit by bit on the wire: 11 bits of identifier; then RTR (or RRS, SRR) and IDE, dominant in a base data frame;
        an extended frame is recessive in both, and its other 18 bits and its RTR follow.
        """

        def on_the_wire(index: int) -> tuple[int, int, int, int]:
            one = self.messages[index]
            if one.extended:
                return one.identifier >> 18, 2, one.identifier & 0x3FFFF, int(one.remote)
            return one.identifier, int(one.remote), 0, 0

        return sorted(range(len(self.messages)), key=on_the_wire)


def _misplaced(network: Network) -> Iterator[Problem]:
    """Yield the indices that point nowhere; nothing else can be checked before they are right."""
    segments, nodes, messages = (range(len(part)) for part in (network.segments, network.nodes, network.messages))
    for node in network.nodes:
        if node.segment not in segments:
            yield Problem(f"on segment {node.segment}; there are {len(segments)}", path=node.name)
    for message in network.messages:
        if message.node not in nodes:
            yield Problem(f"sent by node {message.node}; there are {len(nodes)}", path=message.name)
    for index, route in enumerate(network.routes):
        if route.message not in messages or route.to not in messages or route.node not in nodes:
            yield Problem("names a message or node that there is not", path=f"routes[{index}]")
    for index, channel in enumerate(network.channels):
        if channel.request not in messages or channel.response not in messages:
            yield Problem("names a message that there is not", path=f"channels[{index}]")


def _mistakes(network: Network) -> Iterator[Problem]:
    for segment in network.segments:
        yield from _rates(segment)
    yield from _twice(network)
    for message in network.messages:
        yield from _frame(message)
    for index, route in enumerate(network.routes):
        yield from _route(network, route, f"routes[{index}]")
    for index, channel in enumerate(network.channels):
        yield from _channel(network, channel, f"channels[{index}]")


def _rates(segment: Segment) -> Iterator[Problem]:
    if not 0 < segment.bitrate_bit_s < math.inf:
        yield Problem(f"found {segment.bitrate_bit_s:g} bit/s; expected more than 0", path=segment.name)
    data = segment.data_bitrate_bit_s
    if data is not None and not segment.bitrate_bit_s <= data < math.inf:
        found = f"found {data:g} bit/s for data; expected at least the nominal bit rate, {segment.bitrate_bit_s:g}"
        yield Problem(found, path=segment.name)


def _twice(network: Network) -> Iterator[Problem]:
    first: dict[tuple[int, bool, int, bool], str] = {}
    for index, message in enumerate(network.messages):
        key = network.segment_of(index), message.extended, message.identifier, message.remote
        if key in first:
            yield Problem(f"identifier {message.identifier:#x} is {first[key]}'s already", path=message.name)
        first.setdefault(key, message.name)


def _frame(message: Message) -> Iterator[Problem]:
    width = 29 if message.extended else 11
    if not 0 <= message.identifier < 1 << width:
        yield Problem(f"identifier {message.identifier:#x} does not fit into {width} bits", path=message.name)
    if message.length not in (FD_LENGTHS if message.fd else CLASSIC_LENGTHS):
        kind, suggestion = ("CAN FD", None) if message.fd else ("classic", "CAN FD carries up to 64 bytes")
        yield Problem(f"no {kind} frame carries {message.length} bytes", path=message.name, suggestion=suggestion)
    if message.bit_rate_switch and not message.fd:
        yield Problem("a classic frame cannot switch its bit rate", path=message.name)
    if message.frame_bits is not None and message.frame_bits < SHORTEST_FRAME_BITS:
        found = f"frames of {message.frame_bits} bits; the shortest has {SHORTEST_FRAME_BITS}"
        yield Problem(found, path=message.name)
    if message.remote and (message.fd or message.varying):
        yield Problem("a remote frame is a classic one of one length", path=message.name)
    if message.frame_bits is not None and not LEAST_FRAME_BITS <= message.frame_bits <= MOST_FRAME_BITS:
        expected = f"{LEAST_FRAME_BITS} (what follows the CRC delimiter) to {MOST_FRAME_BITS}"
        yield Problem(f"found frame_bits of {message.frame_bits}; expected {expected}", path=message.name)


def _route(network: Network, route: Route, path: str) -> Iterator[Problem]:
    source, target = network.messages[route.message], network.messages[route.to]
    if network.nodes[route.node].segment != network.segment_of(route.message):
        yield Problem(f"{network.nodes[route.node].name} is not on the segment of {source.name}", path=path)
    if source.node == route.node:
        yield Problem(f"{network.nodes[route.node].name} sends {source.name} itself", path=path)
    if target.remote:
        yield Problem(f"{target.name} is a remote frame and carries nothing", path=path)
    if not source.remote and (source.length > target.length or (source.varying and not target.varying)):
        yield Problem(f"{source.name} does not fit into {target.name}", path=path)
    if route.delay_ns < 0:
        yield Problem(f"found a delay of {route.delay_ns} ns; expected 0 or more", path=path)


def _channel(network: Network, channel: Channel, path: str) -> Iterator[Problem]:
    request, response = network.messages[channel.request], network.messages[channel.response]
    if request.node == response.node or network.segment_of(channel.request) != network.segment_of(channel.response):
        yield Problem("needs messages of two nodes on one segment", path=path)
    for message in (request, response):
        queued = message.depth > 0 or network.nodes[message.node].queue == "fifo"
        if not (message.varying and queued and message.length >= 8) or message.remote:
            yield Problem(f"{message.name} needs varying=True, depth > 0 and 8 bytes or more", path=path)
    if not 0 <= channel.block_size <= 255:
        yield Problem(f"block size {channel.block_size}; expected 0 to 255", path=path)
    if channel.stmin_ns not in STMIN_MS_NS and channel.stmin_ns not in STMIN_US_NS:
        yield Problem(f"STmin {channel.stmin_ns} ns; expected 0.1 to 0.9 ms, or whole milliseconds to 127", path=path)
    if channel.padding is not None and not 0 <= channel.padding <= 255:
        yield Problem(f"padding {channel.padding}; expected a byte", path=path)
    if min(channel.flow_control_ns, channel.separation_ns) < 0 or channel.timeout_ns <= 0:
        yield Problem("a delay is below 0, or the timeout is not above it", path=path)
