"""Message types by ECU: which frames of the database an ECU sends or reads, for whole fleets at once.

A message type is a name of the database without the sender's number: ``Module_State`` stands for ``Module01_State``,
``Module02_State`` and so on, which all have one layout; ``Pack_Command`` for ``Pack1_Command`` and so on. Other names
stand for themselves; among the ECUs that could send them, the first pack's does.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from twin.bms.firmware.firmware import Contents, FloatArray, Received
from twin.network.bus import BusEngine
from twin.network.codec import MessageLayout
from twin.network.database import Database, bus_messages

IntArray = NDArray[np.int64]
Scope = Literal["module", "pack", "site"]


@dataclass(frozen=True)
class Ecus:
    """ECUs, one a row: the site that each is in, its pack and its (first) slot, ``[row]`` each."""

    site: IntArray
    pack: IntArray
    slot: IntArray


@dataclass(frozen=True)
class _Alike:
    """Types whose frames are laid out alike but for the names of the signals; one codec call serves them all."""

    kinds: tuple[str, ...]
    layouts: tuple[MessageLayout, ...]

    @cached_property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """The signals' names, ``[kind][signal]``."""
        return tuple(tuple(signal.name for signal in layout.signals) for layout in self.layouts)

    def physical(self, frames: Mapping[str, Contents], rows: int) -> FloatArray:
        """Return the frames' values as ``[signal, kind * row]``; a signal that is not given has its initial value."""
        values = np.empty((len(self.names[0]), len(self.kinds), rows))
        for index, (kind, layout) in enumerate(zip(self.kinds, self.layouts, strict=True)):
            for place, signal in enumerate(layout.signals):
                values[place, index] = frames[kind].get(signal.name, signal.initial)
        return values.reshape(len(values), -1)


class MessageTable:
    """The messages on a site's bus by type."""

    def __init__(self, database: Database, packs: int, modules: int) -> None:
        self._modules = modules
        self.layouts: tuple[MessageLayout, ...] = bus_messages(database, packs, modules)
        positions: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for index, layout in enumerate(self.layouts):
            positions[_type(layout.name)].append((layout.name, index))
        self._position = {kind: np.array([index for _, index in sorted(found)]) for kind, found in positions.items()}
        self._alike: dict[tuple[str, ...], tuple[_Alike, ...]] = {}

    def read(self, buses: BusEngine, kinds: Sequence[str], scope: Scope, reader: Ecus) -> dict[str, Received]:
        """Return the newest frames of some types that each reader has received.

        A pack's controller that reads its modules gets ``[row, module]``, everybody else ``[row]``.
        """
        received: dict[str, Received] = {}
        for group in self._grouped(tuple(kinds)):
            message = np.stack([self._read_from(kind, scope, reader) for kind in group.kinds])
            site = reader.site[:, None] if message.ndim > 2 else reader.site
            time_ns = buses.mailbox_time_ns[site, message]
            payload = buses.mailbox_payload[site, message]
            values = group.layouts[0].codec.decode(payload.reshape(-1, payload.shape[-1]))
            values = values.reshape(-1, *message.shape)
            for index, (kind, names) in enumerate(zip(group.kinds, group.names, strict=True)):
                received[kind] = Received(names, values[:, index], time_ns[index])
        return received

    def send(self, buses: BusEngine, frames: Mapping[str, Contents], sender: Ecus, time_ns: IntArray) -> None:
        """Queue frames of the senders, ``signals[row]`` by type, each sender's at its own ``time_ns``."""
        rows = len(time_ns)
        messages, payloads = [], []
        for group in self._grouped(tuple(frames)):
            messages += [self._sent_as(kind, sender) for kind in group.kinds]
            payload = np.zeros((len(group.kinds) * rows, 8), np.uint8)
            encoded = group.layouts[0].codec.encode(group.physical(frames, rows))
            payload[:, : encoded.shape[1]] = encoded
            payloads.append(payload)
        message = np.concatenate(messages)
        repeats = len(message) // rows
        sent = message >= 0
        site, instant = np.tile(sender.site, repeats), np.tile(time_ns, repeats)
        buses.send(message[sent], site[sent], instant[sent], np.concatenate(payloads)[sent])

    def _read_from(self, kind: str, scope: Scope, reader: Ecus) -> IntArray:
        position = self._position[kind]
        if kind.startswith("Module_"):
            slot = reader.slot if scope == "module" else reader.slot[:, None] + np.arange(self._modules)
            return position[slot]
        return position[reader.pack] if kind.startswith("Pack_") else np.full(len(reader.pack), position[0])

    def _sent_as(self, kind: str, sender: Ecus) -> IntArray:
        """Return each sender's message, -1 where it does not send this type."""
        position = self._position[kind]
        if kind.startswith(("Module_", "Pack_")):
            return position[sender.slot if kind.startswith("Module_") else sender.pack]
        return np.where(sender.pack == 0, position[0], -1)

    def _grouped(self, kinds: tuple[str, ...]) -> tuple[_Alike, ...]:
        if kinds not in self._alike:
            groups: dict[Any, list[str]] = defaultdict(list)
            for kind in kinds:
                groups[_shape(self._layout(kind))].append(kind)
            self._alike[kinds] = tuple(_Alike(tuple(one), tuple(map(self._layout, one))) for one in groups.values())
        return self._alike[kinds]

    def _layout(self, kind: str) -> MessageLayout:
        return self.layouts[self._position[kind][0]]


def _type(name: str) -> str:
    """Return a message's name without its sender's number: ``Module_State`` of ``Module03_State``."""
    return re.sub(r"^(Module|Pack)\d+_", r"\1_", name)


def _shape(layout: MessageLayout) -> Any:
    """Return all that its codec depends on."""
    return layout.length, tuple(
        (
            one.start,
            one.length,
            one.byte_order,
            one.signed,
            one.floating,
            one.scale,
            one.offset,
            one.minimum,
            one.maximum,
        )
        for one in layout.signals
    )
