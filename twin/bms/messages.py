"""Message types by ECU: which frames of the database an ECU sends or reads, for whole fleets at once.

A message type is a name of the database without the sender's number: ``Module_State`` stands for ``Module01_State``,
``Module02_State`` and so on, which all have one layout; ``Pack_Command`` for ``Pack1_Command`` and so on. Other names
stand for themselves; among the ECUs that could send them, the first pack's does.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from twin.bms.firmware.firmware import READERS, Contents, Received, Scope
from twin.network.dbc.codec import Codec, MessageLayout, Payload, SignalLayout
from twin.network.engines.engine import Engine
from twin.network.site import SiteNetwork

IntArray = NDArray[np.int64]

Silent = NDArray[np.bool_]
"""``[site, layout]``: what is not sent, because a trace is replayed in its place."""

FRAME_BYTES: Final = 8
"""Of the messages that firmware sends and reads: what a classic frame carries at most."""


@dataclass(frozen=True, eq=False)
class Ecus:
    """ECUs, one a row: the site that each is in, its pack and its (first) slot, ``[row]`` each.

    What follows from them is worked out once for as long as they are the same object.
    """

    site: IntArray
    pack: IntArray
    slot: IntArray


class _Address(NamedTuple):
    """Where the frames of some senders go: ``[sender and kind]``."""

    site: IntArray
    layout: IntArray
    messages: list[tuple[IntArray, bool]]
    """By bus, and whether each sender has them all."""


class _Bundle:
    """Types that are sent or read together, as one long message: one codec call serves them all.

    ``layout[number, kind]`` is which of the layouts a type of one sender is, -1 where it has none; the number is a slot
    for what modules send, else a pack. ``messages`` are the network's, of the same shape, by which it is sent: one such
    table for every bus on which the sender has a controller and somebody listens.
    """

    def __init__(
        self,
        kinds: Sequence[str],
        layouts: Sequence[MessageLayout],
        layout: IntArray,
        messages: Sequence[IntArray],
    ) -> None:
        self.kinds = tuple(kinds)
        self.layout = layout
        self.of_modules = _of_modules(kinds[0])
        self._messages = [(table, bool((table >= 0).all())) for table in messages]
        self._addresses: WeakKeyDictionary[Ecus, _Address] = WeakKeyDictionary()
        signals = [_moved(signal, frame) for frame, layout in enumerate(layouts) for signal in layout.signals]
        self._codec = Codec(FRAME_BYTES * len(layouts), signals)
        self._initial = np.array([[signal.initial] for signal in signals])
        self._names = [tuple(signal.name for signal in layout.signals) for layout in layouts]
        ends = np.cumsum([0, *map(len, self._names)]).tolist()
        self._parts = [slice(first, end) for first, end in pairwise(ends)]
        self._rows = [_Rows(names, first) for first, names in zip(ends, self._names, strict=False)]

    def send(
        self, buses: Engine, frames: Mapping[str, Contents], sender: Ecus, time_ns: IntArray, silent: Silent | None
    ) -> None:
        """Queue the frames of senders, each sender's at its own ``time_ns``, but those that are ``silent``."""
        payload = self._encode(frames, len(time_ns)).reshape(-1, FRAME_BYTES)
        time_ns = time_ns.repeat(len(self.kinds))
        if sender not in self._addresses:
            self._addresses[sender] = self._addressed(sender)
        site, layout, messages = self._addresses[sender]
        muted = None if silent is None else silent[site, layout]
        for message, complete in messages:
            if complete and muted is None:
                buses.send(message, site, time_ns, payload)
                continue
            sent = message >= 0 if muted is None else (message >= 0) & ~muted
            buses.send(message[sent], site[sent], time_ns[sent], payload[sent])

    def _addressed(self, sender: Ecus) -> _Address:
        number = sender.slot if self.of_modules else sender.pack
        messages = [(table[number].reshape(-1), complete) for table, complete in self._messages]
        return _Address(sender.site.repeat(len(self.kinds)), self.layout[number].reshape(-1), messages)

    def _encode(self, frames: Mapping[str, Contents], rows: int) -> Payload:
        """Return payloads ``uint8[row, kind * 8]``; a signal that is not given has its initial value."""
        physical = self._initial.repeat(rows, axis=1)
        for kind, rows_of in zip(self.kinds, self._rows, strict=True):
            for names, values in frames[kind].items():
                physical[rows_of[names]] = values
        return self._codec.encode(physical)

    def read(self, buses: Engine, site: IntArray, box: IntArray, *, many: bool) -> dict[str, Received]:
        """Return the newest frames in ``box[row, sender, kind]``; the axis of senders stays where there are many."""
        values, time_ns = self._codec.decode_mailboxes(buses.mailbox_payload, buses.mailbox_time_ns, site, box)
        if not many:
            values, time_ns = values[..., 0], time_ns[:, 0]
        return {
            kind: Received(names, values[part], time_ns[..., index])
            for index, (kind, names, part) in enumerate(zip(self.kinds, self._names, self._parts, strict=True))
        }


class _Rows(dict[str | tuple[str, ...], Any]):
    """Where the signals of one frame are among those of all: by name, or by several names, which are found out once."""

    def __init__(self, names: Sequence[str], first: int) -> None:
        super().__init__({name: first + place for place, name in enumerate(names)})

    def __missing__(self, names: str | tuple[str, ...]) -> list[int] | slice:
        if isinstance(names, str):
            raise KeyError(names)
        rows = [self[name] for name in names]
        together = slice(rows[0], rows[0] + len(rows))
        self[names] = found = together if rows == list(range(together.start, together.stop)) else rows
        return found


class _Reading(NamedTuple):
    """What readers of one scope read of one kind of senders."""

    bundle: _Bundle
    box: IntArray
    """``[number, sender, kind]``; the number is the reader's slot or pack."""
    by_slot: bool
    many: bool
    boxes: WeakKeyDictionary[Ecus, IntArray]
    """``[row, sender, kind]`` of readers that have read before."""

    def of(self, reader: Ecus) -> IntArray:
        if reader not in self.boxes:
            self.boxes[reader] = self.box[reader.slot if self.by_slot else reader.pack]
        return self.boxes[reader]


class MessageTable:
    """The messages on a site's buses by type."""

    def __init__(self, wires: SiteNetwork, packs: int, modules: int) -> None:
        self._wires = wires
        self._packs, self._modules = packs, modules
        self._silent: Silent | None = None
        self.layouts: tuple[MessageLayout, ...] = wires.layouts
        positions: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for index, layout in enumerate(self.layouts):
            positions[type_of(layout.name)].append((layout.name, index))
        self._position = {kind: [index for _, index in sorted(found)] for kind, found in positions.items()}
        self._bundles: dict[tuple[str, ...], _Bundle] = {}
        self._readings: dict[tuple[tuple[str, ...], Scope], list[_Reading]] = {}

    def silence(self, sites: int, rows: Sequence[int], layouts: Sequence[int]) -> None:
        """Send some messages of some sites no more: of ``sites`` in all, those of ``rows``."""
        if self._silent is None:
            self._silent = np.zeros((sites, len(self.layouts)), np.bool_)
        self._silent[np.ix_(rows, layouts)] = True

    def read(self, buses: Engine, kinds: Sequence[str], scope: Scope, reader: Ecus) -> dict[str, Received]:
        """Return the newest frames of some types that each reader has received.

        A pack's controller reads all its modules, ``[row, module]``, and all packs, ``[row, pack]``. Modules and the
        inverter read what modules say of all modules of the site, ``[row, slot]``, their own pack's frames, ``[row]``.
        Who reads its own place finds nothing there.
        """
        key = tuple(kinds), scope
        if key not in self._readings:
            parts = [kind for kind in kinds if _of_modules(kind)], [kind for kind in kinds if not _of_modules(kind)]
            self._readings[key] = [self._reading(tuple(part), scope) for part in parts if part]
        received: dict[str, Received] = {}
        for reading in self._readings[key]:
            received |= reading.bundle.read(buses, reader.site, reading.of(reader), many=reading.many)
        return received

    def send(self, buses: Engine, frames: Mapping[str, Contents], sender: Ecus, time_ns: IntArray) -> None:
        """Queue frames of the senders, ``signals[row]`` by type, each sender's at its own ``time_ns``."""
        if frames:
            self._bundle(tuple(frames)).send(buses, frames, sender, time_ns, self._silent)

    def _reading(self, kinds: tuple[str, ...], scope: Scope) -> _Reading:
        """Return the mailboxes of every reader."""
        bundle = self._bundle(kinds)
        by_slot, many = scope == "module", scope == "pack" or bundle.of_modules
        readers = self._packs * self._modules if by_slot else self._packs
        layouts = []
        for reader in range(readers):
            pack = reader // self._modules if by_slot else reader
            own = slice(pack * self._modules, (pack + 1) * self._modules)
            of = own if scope == "pack" and bundle.of_modules else slice(None) if many else slice(pack, pack + 1)
            layouts.append(bundle.layout[of])
        box = np.array(
            [[[self._box(scope, reader, one) for one in row] for row in rows] for reader, rows in enumerate(layouts)]
        )
        return _Reading(bundle, box, by_slot, many, WeakKeyDictionary())

    def _box(self, scope: Scope, reader: int, layout: int) -> int:
        return self._wires.box(READERS[scope].format(reader + 1), int(layout)) if layout >= 0 else -1

    def _bundle(self, kinds: tuple[str, ...]) -> _Bundle:
        if kinds not in self._bundles:
            count = self._packs * self._modules if _of_modules(kinds[0]) else self._packs
            layout = np.full((count, len(kinds)), -1)
            for column, kind in enumerate(kinds):
                layout[: len(self._position[kind]), column] = self._position[kind]
            layouts = [self.layouts[self._position[kind][0]] for kind in kinds]
            messages = [np.where(layout >= 0, origin[layout], -1) for origin in self._wires.origins]
            self._bundles[kinds] = _Bundle(kinds, layouts, layout, messages)
        return self._bundles[kinds]


def _moved(signal: SignalLayout, frame: int) -> SignalLayout:
    """Return a signal of one frame as it lies in frames behind each other, where names may occur twice."""
    rule = signal.multiplexing
    return replace(
        signal,
        name=f"{frame}.{signal.name}",
        start=signal.start + 8 * FRAME_BYTES * frame,
        multiplexing=rule and replace(rule, multiplexer=f"{frame}.{rule.multiplexer}"),
    )


def _of_modules(kind: str) -> bool:
    return kind.startswith("Module_")


def type_of(name: str) -> str:
    """Return a message's name without its sender's number: ``Module_State`` of ``Module03_State``."""
    return re.sub(r"^(Module|Pack)\d+_", r"\1_", name)
