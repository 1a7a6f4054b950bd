"""Message types by ECU: which frame of the database an ECU sends or reads, for whole fleets at once.

A message type is a name of the database without the sender's number: ``Module_State`` stands for ``Module01_State``,
``Module02_State`` and so on, which all have one layout; ``Pack_Command`` for ``Pack1_Command`` and so on. Other names
stand for themselves; among the ECUs that could send them, the first pack's does.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from twin.bms.firmware.firmware import Received, Signals
from twin.network.bus import BusEngine
from twin.network.codec import MessageLayout
from twin.network.database import Database, bus_messages

IntArray = NDArray[np.int64]
Scope = Literal["module", "pack", "site"]


class MessageTable:
    """The messages on a site's bus by type; ``position[type]`` is where a type's senders stand, in their order."""

    def __init__(self, database: Database, packs: int, modules: int) -> None:
        self._modules = modules
        self.layouts: tuple[MessageLayout, ...] = bus_messages(database, packs, modules)
        positions: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for index, layout in enumerate(self.layouts):
            positions[_type(layout.name)].append((layout.name, index))
        self._position = {kind: np.array([index for _, index in sorted(found)]) for kind, found in positions.items()}

    def read(
        self, buses: BusEngine, kind: str, scope: Scope, site: IntArray, pack: IntArray, slot: IntArray
    ) -> Received:
        """Return the newest frames of a type that ECUs ``(site, pack, slot)[row]`` have received.

        A pack's controller that reads its modules gets ``[row, module]``, everybody else ``[row]``.
        """
        message = self._read_from(kind, scope, pack, slot)
        rows = site if message.ndim == 1 else site[:, None]
        layout = self.layouts[self._position[kind][0]]
        payload = buses.mailbox_payload[rows, message][..., : layout.length]
        signals = layout.decode(payload.reshape(-1, layout.length))
        shaped = {name: values.reshape(message.shape) for name, values in signals.items()}
        return Received(shaped, buses.mailbox_time_ns[rows, message])

    def _read_from(self, kind: str, scope: Scope, pack: IntArray, slot: IntArray) -> IntArray:
        position = self._position[kind]
        if kind.startswith("Module_"):
            return position[slot] if scope == "module" else position[slot[:, None] + np.arange(self._modules)]
        return position[pack] if kind.startswith("Pack_") else np.broadcast_to(position[0], pack.shape)

    def send(
        self,
        buses: BusEngine,
        frames: Mapping[str, Signals],
        site: IntArray,
        pack: IntArray,
        slot: IntArray,
        time_ns: IntArray,
    ) -> None:
        """Queue frames of ECUs ``(site, pack, slot)[row]`` at ``time_ns[row]``."""
        for kind, signals in frames.items():
            position = self._position[kind]
            payload = self.layouts[position[0]].encode(signals)
            number = slot if kind.startswith("Module_") else pack
            for index in np.unique(number):
                rows = number == index
                if index < len(position):
                    buses.send(int(position[index]), site[rows], time_ns[rows], payload[rows])


def _type(name: str) -> str:
    """Return a message's name without its sender's number: ``Module_State`` of ``Module03_State``."""
    return re.sub(r"^(Module|Pack)\d+_", r"\1_", name)
