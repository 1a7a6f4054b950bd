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
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from twin.bms.firmware.firmware import Contents, Received
from twin.network.bus import BusEngine
from twin.network.codec import Codec, MessageLayout, Payload
from twin.network.database import Database, bus_messages

IntArray = NDArray[np.int64]
Scope = Literal["module", "pack", "site"]

FRAME_BYTES: Final = 8
"""Of a mailbox: what a classic frame carries at most."""


@dataclass(frozen=True)
class Ecus:
    """ECUs, one a row: the site that each is in, its pack and its (first) slot, ``[row]`` each."""

    site: IntArray
    pack: IntArray
    slot: IntArray


class _Bundle:
    """Types that are sent or read together, as one long message: one codec call serves them all.

    ``message[kind, number]`` is where on the bus a type of one sender is, -1 where it has none; the number is a slot
    for what modules send, else a pack.
    """

    def __init__(self, kinds: Sequence[str], layouts: Sequence[MessageLayout], message: IntArray) -> None:
        self.kinds = tuple(kinds)
        self.message = message
        self._signals = [layout.signals for layout in layouts]
        self._first = np.cumsum([0, *map(len, self._signals)]).tolist()
        moved = [
            replace(signal, start=signal.start + 8 * FRAME_BYTES * frame)
            for frame, signals in enumerate(self._signals)
            for signal in signals
        ]
        self._codec = Codec(FRAME_BYTES * len(layouts), moved)
        self._initial = np.array([[signal.initial] for signal in moved])
        self._row = [
            {signal.name: first + place for place, signal in enumerate(signals)}
            for first, signals in zip(self._first, self._signals, strict=False)
        ]
        self._names = [tuple(rows) for rows in self._row]

    def encode(self, frames: Mapping[str, Contents], rows: int) -> Payload:
        """Return payloads ``uint8[row, kind, 8]``; a signal that is not given has its initial value."""
        physical = np.empty((len(self._initial), rows))
        physical[:] = self._initial
        for kind, row in zip(self.kinds, self._row, strict=True):
            for name, values in frames[kind].items():
                physical[row[name]] = values
        return self._codec.encode(physical).reshape(rows, -1, FRAME_BYTES)

    def decode(self, payload: Payload, time_ns: IntArray) -> dict[str, Received]:
        """Return the frames of ``payload[..., kind, 8]``, received at ``time_ns[..., kind]``."""
        shape = payload.shape[:-2]
        values = self._codec.decode(payload.reshape(-1, len(self.kinds) * FRAME_BYTES)).reshape(-1, *shape)
        return {
            kind: Received(names, values[self._first[index] : self._first[index + 1]], time_ns[..., index])
            for index, (kind, names) in enumerate(zip(self.kinds, self._names, strict=True))
        }


class MessageTable:
    """The messages on a site's bus by type."""

    def __init__(self, database: Database, packs: int, modules: int) -> None:
        self._packs, self._modules = packs, modules
        self.layouts: tuple[MessageLayout, ...] = bus_messages(database, packs, modules)
        positions: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for index, layout in enumerate(self.layouts):
            positions[type_of(layout.name)].append((layout.name, index))
        self._position = {kind: [index for _, index in sorted(found)] for kind, found in positions.items()}
        self._bundles: dict[tuple[str, ...], _Bundle] = {}

    def read(self, buses: BusEngine, kinds: Sequence[str], scope: Scope, reader: Ecus) -> dict[str, Received]:
        """Return the newest frames of some types that each reader has received.

        A pack's controller reads all its modules, ``[row, module]``, and all packs, ``[row, pack]``; the others read
        their own pack's frames, ``[row]``.
        """
        of_modules = tuple(kind for kind in kinds if _of_modules(kind))
        others = tuple(kind for kind in kinds if not _of_modules(kind))
        received: dict[str, Received] = {}
        for part in (of_modules, others):
            if part:
                bundle = self._bundle(part)
                message = np.moveaxis(bundle.message[:, self._senders(part[0], scope, reader)], 0, -1)
                site = reader.site.reshape(-1, *[1] * (message.ndim - 1))
                received |= bundle.decode(buses.mailbox_payload[site, message], buses.mailbox_time_ns[site, message])
        return received

    def _senders(self, kind: str, scope: Scope, reader: Ecus) -> IntArray:
        """Return the numbers of whose frames an ECU reads: ``[row]``, or ``[row, sender]`` for a pack's controller."""
        if scope == "pack":
            if _of_modules(kind):
                return reader.slot[:, None] + np.arange(self._modules)
            return np.broadcast_to(np.arange(self._packs), (len(reader.pack), self._packs))
        return reader.slot if _of_modules(kind) else reader.pack

    def send(self, buses: BusEngine, frames: Mapping[str, Contents], sender: Ecus, time_ns: IntArray) -> None:
        """Queue frames of the senders, ``signals[row]`` by type, each sender's at its own ``time_ns``."""
        bundle = self._bundle(tuple(frames))
        message = bundle.message[:, sender.slot if _of_modules(bundle.kinds[0]) else sender.pack].T
        payload = bundle.encode(frames, len(time_ns))
        row, kind = np.nonzero(message >= 0)
        buses.send(message[row, kind], sender.site[row], time_ns[row], payload[row, kind])

    def _bundle(self, kinds: tuple[str, ...]) -> _Bundle:
        if kinds not in self._bundles:
            count = self._packs * self._modules if _of_modules(kinds[0]) else self._packs
            message = np.full((len(kinds), count), -1)
            for row, kind in enumerate(kinds):
                message[row, : len(self._position[kind])] = self._position[kind]
            layouts = [self.layouts[self._position[kind][0]] for kind in kinds]
            self._bundles[kinds] = _Bundle(kinds, layouts, message)
        return self._bundles[kinds]


def _of_modules(kind: str) -> bool:
    return kind.startswith("Module_")


def type_of(name: str) -> str:
    """Return a message's name without its sender's number: ``Module_State`` of ``Module03_State``."""
    return re.sub(r"^(Module|Pack)\d+_", r"\1_", name)
