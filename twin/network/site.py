"""From a database to the network of a site: who is on which segment, who hears what, what gateways pass on.

The first segment is the hub; every further one hangs on it by a gateway. An ECU has a controller on its segment, a
gateway one on each of its segments. A message is sent on its sender's segment, or on those of its controllers on which
somebody wants it, and gateways carry it to where else it is wanted.

The node ``Gateway``, which updates the others, stands on all segments, so that an ISO-TP channel never leads through
another ECU: one to each ECU whose diagnostic request and response the database has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from twin.errors import InputError, Problem
from twin.network.dbc.codec import MessageLayout
from twin.network.dbc.database import GATEWAY
from twin.network.network import Channel, Filter, Message, Network, Node, Route, Segment
from twin.network.options import Bus, FurtherSegment

HUB = "can"
"""Name of the first segment."""
_REQUEST, _RESPONSE = "{}_DiagnosticRequest", "{}_DiagnosticResponse"
"""What databases call the frames that carry ISO-TP from the gateway to an ECU, and back."""
_QUEUED_FRAMES = 4
"""A link has one frame of data and one flow control in a queue at most; the rest is room for a repetition."""


@dataclass(frozen=True)
class Transport:
    """How ISO-TP goes on the channels of a site; see ``network.Channel``."""

    block_size: int = 0
    stmin_ns: int = 0
    timeout_ns: int = 1_000_000_000


@dataclass(frozen=True, eq=False)
class SiteNetwork:
    """The network of a site, and where the database's messages are in it."""

    network: Network
    layouts: tuple[MessageLayout, ...]
    origins: NDArray[np.int64]
    """``[copy, layout]``: the network's messages by which a layout's sender sends it, -1 where there are fewer."""
    copies: Mapping[tuple[int, int], int]
    """The network's message of (layout, segment)."""
    controllers: Mapping[str, Mapping[int, int]]
    """The nodes of an ECU by segment, its own segment first."""
    bit_error_rate: float = 0.0
    """Share of the bits that are wrong on every segment as long as nothing disturbs it."""
    channels: Mapping[str, int] = field(default_factory=dict)
    """The ISO-TP channel between the gateway and an ECU."""

    def box(self, reader: str, layout: int) -> int:
        """Return the receive mailbox in which an ECU finds a message, -1 if it does not get it."""
        for segment, node in self.controllers.get(reader, {}).items():
            message = self.copies.get((layout, segment), -1)
            if message >= 0 and (box := int(self.network.box[node, message])) >= 0:
                return box
        return -1

    def node(self, ecu: str) -> int:
        """Return an ECU's controller on its own segment."""
        return next(iter(self.controllers[ecu].values()))

    def layout(self, name: str) -> int:
        """Return the index of a layout."""
        return [layout.name for layout in self.layouts].index(name)

    def sent(self, layout: int) -> list[int]:
        """Return the network's messages by which a layout's sender sends it: one on each bus on which it does."""
        return [message for message in self.origins[:, layout].tolist() if message >= 0]


def site_network(
    layouts: Sequence[MessageLayout],
    options: Bus,
    extra: Iterable[tuple[str, Message]] = (),
    *,
    transport: Transport | None = None,
) -> SiteNetwork:
    """Return the network of a site on which ``layouts`` are sent, each to its receivers.

    ``extra``: messages that no layout describes, each with the name of the ECU, or of a further node, that sends it.
    With a ``transport`` there is an ISO-TP channel from the gateway to each ECU that has the messages for it.
    Raises InputError with every option that does not fit the layouts, and every message that cannot share its segment.
    """
    extra = list(extra)
    ecus = ecus_of(layouts)
    problems = list(_mistakes(options, ecus))
    if problems:
        raise InputError(problems)
    homes = {ecu: _home(ecu, options.segments) for ecu in [*ecus, *(sender for sender, _ in extra)]}
    controllers, nodes = _nodes(homes, options)
    if alone := list(_alone(nodes, options)):
        raise InputError(alone)
    talking = _talking(layouts) if transport else {}
    carrying = {layout for pair in talking.values() for layout in pair}
    paths = [_Path(layout, homes, controllers, options) for layout in layouts]
    messages: list[Message] = []
    copies: dict[tuple[int, int], int] = {}
    routes: list[Route] = []
    for index, path in enumerate(paths):
        for segment, sender in path.senders().items():
            copies[index, segment] = len(messages)
            messages.append(_message(path.layout, controllers[sender][segment], carries=index in carrying))
        routes += path.routes(index, copies, options)
    messages += [replace(message, node=_first(controllers[sender])) for sender, message in extra]
    boxed = [layout for index, layout in enumerate(layouts) if index not in carrying]
    accepted = [_filters(ecu, boxed) for ecu in homes for _ in controllers[ecu]]
    network = Network(
        _segments(options),
        tuple(replace(node, accepts=filters) for node, filters in zip(nodes, accepted, strict=True)),
        tuple(messages),
        tuple(routes),
        tuple(_channels(talking, homes, copies, transport) if transport else ()),
    )
    most = max((len(path.origins) for path in paths), default=1)
    origins = np.full((most, len(layouts)), -1, np.int64)
    for index, path in enumerate(paths):
        for place, segment in enumerate(path.origins):
            origins[place, index] = copies[index, segment]
    channels = {ecu: channel for channel, ecu in enumerate(talking)}
    return SiteNetwork(network, tuple(layouts), origins, copies, controllers, options.bit_error_rate, channels)


class _Path:
    """Where one message is sent and where it is carried."""

    def __init__(
        self,
        layout: MessageLayout,
        homes: Mapping[str, int],
        controllers: Mapping[str, Mapping[int, int]],
        options: Bus,
    ) -> None:
        self.layout = layout
        self._controllers = controllers
        self._home = homes[layout.sender]
        self._gateways = {number: segment.gateway for number, segment in enumerate(options.segments, 1)}
        own = controllers[layout.sender]
        wanted = {self._nearest(receiver, homes) for receiver in layout.receivers if receiver in homes}
        beyond = sorted(wanted - set(own))
        self.origins = sorted(wanted & set(own) | ({self._home} if beyond or not wanted else set()))
        self._hops = list(self._carried(beyond))

    def _nearest(self, receiver: str, homes: Mapping[str, int]) -> int:
        """Return the segment on which a receiver hears the message: the sender's, if it has a controller there."""
        return self._home if self._home in self._controllers[receiver] else homes[receiver]

    def _carried(self, beyond: Sequence[int]) -> Iterator[tuple[int, int, str]]:
        """Yield (from, to, gateway) of every step: straight from its segment if the gateway stands there, else by the
        hub."""
        direct = {to: self._home in self._controllers[self._gateways[to]] for to in beyond if to}
        if 0 in beyond or not all(direct.values()):
            yield self._home, 0, self._gateways[self._home]
        for to, straight in direct.items():
            yield self._home if straight else 0, to, self._gateways[to]

    def senders(self) -> dict[int, str]:
        """Return the ECU that sends it by segment: its sender, or the gateway that carries it there."""
        return dict.fromkeys(self.origins, self.layout.sender) | {to: gateway for _, to, gateway in self._hops}

    def routes(self, layout: int, copies: Mapping[tuple[int, int], int], options: Bus) -> Iterator[Route]:
        """Yield what gateways do with it, the delay of the further segment on the way."""
        for source, target, gateway in self._hops:
            delay_s = options.segments[(target or source) - 1].delay_s
            node = self._controllers[gateway][source]
            yield Route(copies[layout, source], node, copies[layout, target], round(delay_s * 1e9))


def ecus_of(layouts: Sequence[MessageLayout]) -> list[str]:
    """Return everybody who sends or receives."""
    return [*dict.fromkeys(name for layout in layouts for name in (layout.sender, *layout.receivers))]


def _mistakes(options: Bus, ecus: Sequence[str]) -> Iterator[Problem]:
    names = [HUB, *(segment.name for segment in options.segments)]
    rates = [(one.bitrate_bit_s, one.data_bitrate_bit_s) for one in options.segments]
    for number, (nominal, data) in enumerate([(options.bitrate_bit_s, options.data_bitrate_bit_s), *rates]):
        if data is not None and data < nominal:
            found = f"found {data:g} bit/s; expected at least the nominal bit rate, {nominal:g} bit/s"
            where = f"bus.segments[{number - 1}]" if number else "bus"
            yield Problem(found, path=f"{where}.data_bitrate_bit_s")
    taken: dict[str, str] = {}
    for index, segment in enumerate(options.segments):
        path = f"bus.segments[{index}]"
        if names.count(segment.name) > 1:
            yield Problem(f"a second segment {segment.name!r}", path=f"{path}.name")
        matching = [ecu for ecu in ecus if _on(ecu, segment)]
        if not matching:
            yield Problem(f"no ECU is called {' or '.join(segment.nodes)}; there are {', '.join(ecus)}", path=path)
        for ecu in matching:
            if ecu in taken:
                yield Problem(f"{ecu} is on {taken[ecu]} already", path=f"{path}.nodes")
            taken.setdefault(ecu, segment.name)
    for index, segment in enumerate(options.segments):
        path = f"bus.segments[{index}].gateway"
        if segment.gateway not in ecus:
            yield Problem(f"found {segment.gateway!r}; expected one of {', '.join(ecus)}", path=path)
        elif segment.gateway in taken:
            yield Problem(f"{segment.gateway} is on {taken[segment.gateway]}; a gateway stands on {HUB}", path=path)


def _alone(nodes: Sequence[Node], options: Bus) -> Iterator[Problem]:
    """Yield the nodes whose frames nobody would acknowledge."""
    for number in range(len(options.segments) + 1):
        names = [node.name for node in nodes if node.segment == number]
        if len(names) == 1:
            path = f"bus.segments[{number - 1}]" if number else "bus"
            yield Problem(f"{names[0]} is alone on its segment: nobody acknowledges its frames", path=path)


def _home(ecu: str, segments: Sequence[FurtherSegment]) -> int:
    return next((number for number, segment in enumerate(segments, 1) if _on(ecu, segment)), 0)


def _on(ecu: str, segment: FurtherSegment) -> bool:
    return any(fnmatchcase(ecu, pattern) for pattern in segment.nodes)


def _segments(options: Bus) -> tuple[Segment, ...]:
    further = (Segment(one.name, one.bitrate_bit_s, one.data_bitrate_bit_s) for one in options.segments)
    return (Segment(HUB, options.bitrate_bit_s, options.data_bitrate_bit_s), *further)


def _nodes(homes: Mapping[str, int], options: Bus) -> tuple[dict[str, dict[int, int]], list[Node]]:
    """Return every ECU's controllers by segment, and the controllers."""
    controllers: dict[str, dict[int, int]] = {}
    nodes: list[Node] = []
    recovery_ns = None if options.recovery_s is None else round(options.recovery_s * 1e9)
    names = [HUB, *(segment.name for segment in options.segments)]
    for ecu, home in homes.items():
        behind = [number for number, segment in enumerate(options.segments, 1) if segment.gateway == ecu]
        if ecu == GATEWAY:
            behind = [number for number in range(len(names)) if number != home]
        controllers[ecu] = {}
        for segment in (home, *behind):
            controllers[ecu][segment] = len(nodes)
            name = ecu if segment == home else f"{ecu}.{names[segment]}"
            nodes.append(Node(name, segment, options.queue, options.queue_frames, recovery_ns=recovery_ns))
    return controllers, nodes


def _message(layout: MessageLayout, node: int, *, carries: bool) -> Message:
    """Return a layout as a message of the network; what ``carries`` a transport protocol keeps its frames in order."""
    return Message(
        layout.name,
        layout.identifier,
        layout.length,
        node,
        extended=layout.extended,
        fd=layout.fd,
        bit_rate_switch=layout.fd,
        deadline_ns=None if carries else layout.cycle_ns,
        depth=_QUEUED_FRAMES if carries else 0,
        varying=carries,
    )


def _talking(layouts: Sequence[MessageLayout]) -> dict[str, tuple[int, int]]:
    """Return the layouts of the diagnostic request and response of each ECU that has both."""
    places = {layout.name: index for index, layout in enumerate(layouts)}
    names = {ecu: (_REQUEST.format(ecu), _RESPONSE.format(ecu)) for ecu in ecus_of(layouts)}
    return {ecu: (places[ask], places[say]) for ecu, (ask, say) in names.items() if ask in places and say in places}


def _channels(
    talking: Mapping[str, tuple[int, int]],
    homes: Mapping[str, int],
    copies: Mapping[tuple[int, int], int],
    transport: Transport,
) -> Iterator[Channel]:
    """Yield the channels of ECUs, each on the ECU's own segment."""
    for ecu, (ask, say) in talking.items():
        yield Channel(
            copies[ask, homes[ecu]],
            copies[say, homes[ecu]],
            block_size=transport.block_size,
            stmin_ns=transport.stmin_ns,
            timeout_ns=transport.timeout_ns,
        )


def _filters(ecu: str, layouts: Sequence[MessageLayout]) -> tuple[Filter, ...]:
    return tuple(Filter(one.identifier, extended=one.extended) for one in layouts if ecu in one.receivers)


def _first(controllers: Mapping[int, int]) -> int:
    return next(iter(controllers.values()))
