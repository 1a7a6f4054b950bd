"""Random networks, and scripts of what happens on them: drawn from one seed, so that a failing one is named by numbers.

Instants lie on a coarse grid, and frames are often whole multiples of it long, so that releases, ends of frames, timers
and instructions coincide; what happens then is where engines differ first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import InputError
from twin.network.engines.engine import LAST_BIT, Engine
from twin.network.network import Channel, Filter, Message, Network, Node, Route, Segment

GRID_NS = 50_000
EARLIER_NS = (6_000, 24_000)
"""A frame that finishes on the grid at 500 kbit/s is seen so much before it, and its ACK slot begins then."""
DRAIN_NS = 4_000_000
_BITRATES_BIT_S = (500_000.0, 500_000.0, 1_000_000.0, 250_000.0, 83_333.3)
_BASES = (0x000, 0x001, 0x0F0, 0x100, 0x101, 0x3FF, 0x7FE, 0x7FF)
_FILTERS = (
    (Filter(0, mask=0), Filter(0, mask=0, extended=True)),
    (Filter(0, mask=0),),
    (Filter(1, mask=1), Filter(0, mask=1, extended=True)),
    (Filter(0x100),),
    (),
)


@dataclass(frozen=True)
class Sizes:
    """How large a world is."""

    segments: int
    nodes: int
    messages: int
    pieces: int
    """After each of which all sites are advanced, each to its own instant."""
    sites: int = 2


@dataclass(frozen=True, eq=False)
class Call:
    """A call of one of an engine's methods; ``advance`` is one of them."""

    method: str
    arguments: dict[str, Any]

    def of(self, engine: Engine) -> None:
        getattr(engine, self.method)(**self.arguments)


@dataclass(frozen=True, eq=False)
class World:
    network: Network
    keys: NDArray[np.uint64]
    script: tuple[Call, ...]
    """Ends with an advance of all sites to instants at which most of the traffic is through."""

    def engine(self, kind: type[Engine], *, threads: int = 1) -> Engine:
        count = len(self.keys)
        return kind(self.network, count, keys=self.keys, logged=range(count), threads=threads)


class _Chance:
    """Choices of a generator, as Python's own types."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)

    def integer(self, low: int, high: int) -> int:
        return int(self.generator.integers(low, high + 1))

    def of(self, choices: Sequence[Any]) -> Any:
        return choices[self.integer(0, len(choices) - 1)]

    def happens(self, probability: float) -> bool:
        return bool(self.generator.random() < probability)

    def integers(self, low: int, high: int, count: int) -> NDArray[np.int64]:
        return self.generator.integers(low, high + 1, count)

    def instants_ns(self, now_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """A bit later than now, each by itself: on the grid, where a frame may be seen, or anywhere."""
        later_ns = self.integers(0, 10, len(now_ns)) * GRID_NS
        if self.happens(0.2):
            later_ns = np.maximum(later_ns - self.of(EARLIER_NS), 0)
        elif self.happens(0.2):
            later_ns = self.integers(0, 500_000, len(now_ns))
        return now_ns // GRID_NS * GRID_NS + later_ns if self.happens(0.5) else now_ns + later_ns

    def payload(self, count: int, width: int) -> NDArray[np.uint8]:
        kind = self.integer(0, 3)
        if kind == 0:
            return np.zeros((count, width), np.uint8)
        if kind == 1:
            return np.full((count, width), 0xFF, np.uint8)
        payload = self.generator.integers(0, 256, (count, width)).astype(np.uint8)
        if kind == 2:
            payload[:, 0] %= 0x40  # what ISO-TP might take for one of its frames
        return payload


def random_world(seed: int, sizes: Sizes, *, errors: bool = False, transport: bool = False) -> World:
    """Return a world; ``errors`` and their like happen on it or not, ``transport`` adds routes and ISO-TP."""
    chance = _Chance(seed)
    network = _network(chance, sizes, transport=transport)
    keys = chance.generator.integers(0, 1 << 64, sizes.sites, np.uint64)
    return World(network, keys, tuple(_script(chance, network, sizes, errors=errors)))


def flow_control_world(seed: int) -> World:
    """Return transfers whose sender is told anything: to wait, to go on by any block size and STmin, or nonsense.

    The receivers that every channel has keep their own flow control back.
    """
    chance = _Chance(seed)
    length, fd = chance.of([(8, False), (64, True)])
    messages = tuple(
        Message(name, 0x7E0 + node, length, node, fd=fd, depth=50, varying=True)
        for node, name in enumerate(("Request", "Response"))
    )
    timeout_ns = chance.of([3_000_000, 40_000_000, 200_000_000])
    channel = Channel(0, 1, flow_control_ns=10_000_000_000, timeout_ns=timeout_ns)
    network = Network((Segment(),), (Node("tester"), Node("ecu")), messages, channels=(channel,))
    row, script = np.array([0]), []
    for _ in range(chance.integer(1, 3)):
        data = chance.generator.bytes(chance.integer(9, 120))
        script.append(Call("transfer", {"link": 0, "rows": row, "time_ns": np.array([0]), "data": [data]}))
    instants_ns = np.cumsum(chance.integers(0, chance.of([2, 40]), chance.integer(1, 40))) * 1_000_000
    for time_ns in instants_ns.tolist():
        status = 0x31 if chance.happens(0.8) else chance.of([0x30, 0x30, 0x30, 0x30, 0x30, 0x32, 0x33, 0x3F])
        frame = bytes([status, chance.of([0, 1, 2, 255]), chance.of([0, 1, 0x7F, 0x80, 0xF0, 0xF1, 0xF9, 0xFA, 0xFF])])
        frame = frame if chance.happens(0.95) else frame[:2]
        payload, arguments = np.frombuffer(frame, np.uint8)[None], {"message": 1, "rows": row, "length": len(frame)}
        script.append(Call("send", {**arguments, "time_ns": np.array([time_ns]), "payload": payload}))
    script.append(Call("advance", {"until_ns": np.array([3_000_000_000])}))
    return World(network, np.array([0], np.uint64), tuple(script))


def noisy_world(seed: int) -> World:
    """Return a busy bus on which nodes go through all their states, and then back."""
    chance = _Chance(seed)
    count = chance.integer(2, 6)
    nodes = tuple(Node(f"N{index}", recovery_ns=chance.of([0, 2_000_000])) for index in range(count))
    messages = tuple(Message(f"M{index}", 0x100 + index, chance.integer(0, 8), index) for index in range(count))
    network = Network((Segment(bitrate_bit_s=1_000_000.0),), nodes, messages)
    row, script = np.array([0]), []
    for index, message in enumerate(messages):
        payload, period_ns = chance.payload(1, 8), np.array([chance.integer(2, 9) * GRID_NS])
        arguments = {"message": index, "rows": row, "first_ns": np.array([0]), "length": message.length}
        script.append(Call("cycle", {**arguments, "period_ns": period_ns, "payload": payload}))
    for time_ns in range(0, 60_000_000, 10_000_000):
        arguments = {"segment": 0, "rows": row, "time_ns": np.array([time_ns])}
        script.append(Call("noise", {**arguments, "rate": chance.of([0.0, 1e-3, 1e-2, 0.1, 0.1])}))
        script.append(Call("advance", {"until_ns": np.array([time_ns + 9_999_999])}))
    keys = chance.generator.integers(0, 1 << 64, 1, np.uint64)
    return World(network, keys, tuple(script))


def acknowledgement_world(seed: int) -> World:
    """Return a bus whose only listeners come and go about the ACK slot of frames, which begins 88 bits after them."""
    chance = _Chance(seed)
    nodes = tuple(Node(name) for name in ("sender", "listener", "other")[: chance.integer(2, 3)])
    network = Network((Segment(),), nodes, (Message("Data", 0x100, 8, 0, frame_bits=100),))
    row, script = np.array([0]), []
    for start_ns in range(0, 8_000_000, 1_000_000):
        payload = np.zeros((1, 8), np.uint8)
        script.append(Call("send", {"message": 0, "rows": row, "time_ns": np.array([start_ns]), "payload": payload}))
        for node in range(1, len(nodes)):
            about_ns = start_ns + 88 * 2_000 + chance.of([-2_000, -1, 0, 0, 1, 2_000])
            for time_ns, on in ((about_ns, chance.happens(0.5)), (about_ns + 300_000, True)):
                arguments = {"node": node, "rows": row, "time_ns": np.array([time_ns]), "on": on}
                script.append(Call(chance.of(["connect", "power"]), arguments))
    script.append(Call("advance", {"until_ns": np.array([20_000_000])}))
    return World(network, np.array([0], np.uint64), tuple(script))


def _network(chance: _Chance, sizes: Sizes, *, transport: bool) -> Network:
    segments = tuple(_segment(chance, index) for index in range(sizes.segments))
    nodes = tuple(_node(chance, index, sizes.segments) for index in range(sizes.nodes))
    messages: list[Message] = []
    channels: list[Channel] = []
    for _ in range(chance.integer(0, 2) if transport else 0):
        channels += _channel(chance, segments, nodes, messages)
    for _ in range(sizes.messages - len(messages)):
        _add(messages, nodes, _message(chance, len(messages), sizes.nodes))
    routes: list[Route] = []
    for _ in range(chance.integer(0, 8) if transport else 0):
        route = Route(*(chance.integer(0, len(part) - 1) for part in (messages, nodes, messages)))
        route = Route(route.message, route.node, route.to, chance.of([0, 0, GRID_NS, 194_000, 1_234]))
        routes += [route] if _fits(segments, nodes, messages, route) else []
    return Network(segments, nodes, tuple(messages), tuple(routes), tuple(channels))


def _segment(chance: _Chance, index: int) -> Segment:
    bitrate_bit_s = chance.of(_BITRATES_BIT_S)
    return Segment(f"can{index}", bitrate_bit_s, chance.of([None, bitrate_bit_s, 2_000_000.0, 1_234_567.8]))


def _node(chance: _Chance, index: int, segments: int) -> Node:
    return Node(
        f"N{index}",
        segment=index % segments,
        queue=chance.of(["priority", "priority", "fifo"]),
        depth=chance.integer(1, 5),
        accepts=chance.of(_FILTERS),
        recovery_ns=chance.of([0, 0, GRID_NS, 1_000_000, None]),
    )


def _message(chance: _Chance, index: int, nodes: int) -> Message:
    extended, fd = chance.happens(0.4), chance.happens(0.3)
    remote = not fd and chance.happens(0.1)
    base = chance.of(_BASES) if chance.happens(0.5) else chance.integer(0, 0x7FF)
    return Message(
        f"M{index}",
        base << 18 | chance.of([0, 1, 0x3FFFF, chance.integer(0, 0x3FFFF)]) if extended else base,
        chance.of([0, 1, 7, 8, 12, 20, 64]) if fd else chance.integer(0, 8),
        node=chance.integer(0, nodes - 1),
        extended=extended,
        fd=fd,
        bit_rate_switch=fd and chance.happens(0.6),
        remote=remote,
        deadline_ns=chance.of([None, 4 * GRID_NS, 1_000_000]),
        depth=chance.of([0, 0, 1, 2, 4]),
        varying=not remote and chance.happens(0.3),
        frame_bits=chance.of([None, None, 50, 75, 100, 103, 125]),
    )


def _add(messages: list[Message], nodes: Sequence[Node], message: Message) -> bool:
    """Add a message whose identifier is free on its segment."""

    def key(one: Message) -> tuple[int, bool, int, bool]:
        return nodes[one.node].segment, one.extended, one.identifier, one.remote

    free = key(message) not in {key(one) for one in messages}
    messages += [message] if free else []
    return free


def _channel(
    chance: _Chance, segments: Sequence[Segment], nodes: Sequence[Node], messages: list[Message]
) -> list[Channel]:
    """Add the two messages of a channel of two nodes, if there are two on one segment."""
    first = chance.integer(0, len(nodes) - 1)
    others = [i for i, node in enumerate(nodes) if node.segment == nodes[first].segment and i != first]
    if not others:
        return []
    ends: list[int] = []
    fd, bits = chance.happens(0.4), chance.of([None, None, 100, 135])
    for node in (first, chance.of(others)):
        length = chance.of([8, 12, 64]) if fd else 8
        depth, identifier = chance.integer(1, 3), chance.integer(0x600, 0x7FF)
        message = Message(
            f"T{len(messages)}", identifier, length, node, fd=fd, depth=depth, varying=True, frame_bits=bits
        )
        ends += [len(messages) - 1] if _add(messages, nodes, message) else []
    if len(ends) < 2:
        return []
    request, response = ends
    return [
        Channel(
            request,
            response,
            block_size=chance.of([0, 0, 1, 2, 8]),
            stmin_ns=chance.of([0, 0, 100_000, 400_000, 1_000_000]),
            padding=chance.of([None, 0xCC, 0]),
            flow_control_ns=chance.of([0, GRID_NS, 106_000]),
            separation_ns=chance.of([0, 0, GRID_NS, 6_000]),
            timeout_ns=chance.of([500_000, 3_000_000, 1_000_000_000, 1_000_000_000]),
            buffer_bytes=chance.of([62, 63, 1 << 20]),
        )
    ]


def _fits(segments: Sequence[Segment], nodes: Sequence[Node], messages: Sequence[Message], route: Route) -> bool:
    try:
        Network(tuple(segments), tuple(nodes), tuple(messages), (route,))
    except InputError:
        return False
    return True


def _script(chance: _Chance, network: Network, sizes: Sizes, *, errors: bool) -> list[Call]:
    now_ns = np.zeros(sizes.sites, np.int64)
    script: list[Call] = []
    for _ in range(sizes.pieces):
        script += [_happening(chance, network, now_ns, errors=errors) for _ in range(chance.integer(0, 5))]
        strides_ns = chance.integers(0, 20, sizes.sites) * GRID_NS * chance.of([1, 1, 2])
        now_ns = now_ns + np.where(chance.integers(0, 4, sizes.sites) == 0, 0, strides_ns)
        script.append(Call("advance", {"until_ns": now_ns.copy()}))
    return [*script, Call("advance", {"until_ns": now_ns + DRAIN_NS})]


def _happening(chance: _Chance, network: Network, now_ns: NDArray[np.int64], *, errors: bool) -> Call:
    """Return a call for instants from now on."""
    kinds = [_send, _send, _send, _cycle]
    if network.channels:
        kinds += [_transfer, _transfer]
    if errors:
        kinds += [_noise, _invert, _invert, _glitch, _switch, _switch]
    return chance.of(kinds)(chance, network, now_ns)


def _send(chance: _Chance, network: Network, now_ns: NDArray[np.int64]) -> Call:
    count = chance.integer(1, 8)
    rows = chance.integers(0, len(now_ns) - 1, count)
    messages = chance.integers(0, len(network.messages) - 1, count)
    arguments = {
        "message": messages,
        "rows": rows,
        "time_ns": chance.instants_ns(now_ns[rows]),
        "payload": chance.payload(count, network.payload_bytes),
        "length": [chance.of(network.messages[message].lengths()) for message in messages],
    }
    return Call("send", arguments)


def _cycle(chance: _Chance, network: Network, now_ns: NDArray[np.int64]) -> Call:
    message, rows = chance.integer(0, len(network.messages) - 1), _some_rows(chance, now_ns)
    period_ns = chance.generator.choice([0, 10 * GRID_NS, 20 * GRID_NS, 700_001], len(rows))
    shortest_ns = int(min(period_ns[period_ns > 0], default=0))
    arguments = {
        "message": message,
        "rows": rows,
        "first_ns": chance.instants_ns(now_ns[rows]),
        "period_ns": period_ns,
        "payload": chance.payload(len(rows), network.payload_bytes),
        "jitter_ns": chance.of([0, 0, shortest_ns, shortest_ns // 3]),
        "length": chance.of(network.messages[message].lengths()),
    }
    return Call("cycle", arguments)


def _transfer(chance: _Chance, network: Network, now_ns: NDArray[np.int64]) -> Call:
    rows = _some_rows(chance, now_ns)
    lengths = [chance.of([1, 7, 8, 11, 20, 62, 63, 200]) for _ in rows]
    if chance.happens(0.05):
        lengths[0] = 5_000
    data = [chance.generator.bytes(length) for length in lengths]
    link = chance.integer(0, 2 * len(network.channels) - 1)
    return Call("transfer", {"link": link, "rows": rows, "time_ns": chance.instants_ns(now_ns[rows]), "data": data})


def _noise(chance: _Chance, network: Network, now_ns: NDArray[np.int64]) -> Call:
    rows = _some_rows(chance, now_ns)
    segment, rate = chance.integer(0, len(network.segments) - 1), chance.of([0.0, 0.0, 1e-3, 1e-3, 1e-2, 0.1, 1.0])
    return Call("noise", {"segment": segment, "rows": rows, "time_ns": chance.instants_ns(now_ns[rows]), "rate": rate})


def _invert(chance: _Chance, network: Network, now_ns: NDArray[np.int64]) -> Call:
    rows = _some_rows(chance, now_ns)
    which = chance.of(["segment", "message", "node"])
    parts = {"segment": network.segments, "message": network.messages, "node": network.nodes}
    arguments = {
        "rows": rows,
        "time_ns": chance.instants_ns(now_ns[rows]),
        "bit": chance.of([0, 1, 12, 30, 44, 60, 98, LAST_BIT, 10_000]),
        "frames": chance.of([1, 1, 1, 2, 2, 17, 40]),
        which: chance.integer(0, len(parts[which]) - 1),
    }
    return Call("invert", arguments)


def _glitch(chance: _Chance, network: Network, now_ns: NDArray[np.int64]) -> Call:
    rows = _some_rows(chance, now_ns)
    segment = chance.integer(0, len(network.segments) - 1)
    return Call("glitch", {"segment": segment, "rows": rows, "time_ns": chance.instants_ns(now_ns[rows])})


def _switch(chance: _Chance, network: Network, now_ns: NDArray[np.int64]) -> Call:
    rows = _some_rows(chance, now_ns)
    arguments: dict[str, Any] = {
        "node": chance.integer(0, len(network.nodes) - 1),
        "rows": rows,
        "time_ns": chance.instants_ns(now_ns[rows]),
    }
    method = chance.of(["connect", "power", "bus_off"])
    return Call(method, arguments if method == "bus_off" else {**arguments, "on": chance.happens(0.6)})


def _some_rows(chance: _Chance, now_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Some sites, each at most once, at least one."""
    return np.sort(chance.generator.permutation(len(now_ns))[: chance.integer(1, len(now_ns))]).astype(np.int64)
