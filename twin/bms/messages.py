"""Message types by ECU: which frame of the database an ECU sends or reads, for whole fleets at once.

A message type is a name of the database without the sender's number: ``Module_State`` stands for ``Module01_State``,
``Module02_State`` and so on, which all have one layout; ``Pack_Command`` for ``Pack1_Command`` and so on. Other names
stand for themselves; among the ECUs that could send them, the first pack's does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from twin.bms.firmware.firmware import Received, Signals
from twin.network.codec import MessageLayout
from twin.network.database import Database
from twin.network.simpy_bus import Buses

IntArray = NDArray[np.int64]
Scope = Literal["module", "pack", "site"]


class MessageTable:
    """The message types that a site's ECUs send, on the buses that carry them.

    ``types``: every type that some firmware sends; every type that is read must be among them.
    """

    def __init__(self, database: Database, types: tuple[str, ...], packs: int, modules: int) -> None:
        self._modules = modules
        self._position: dict[str, IntArray] = {}
        self.layouts: list[MessageLayout] = []
        for kind in types:
            names = _names(kind, packs, modules)
            self._position[kind] = np.arange(len(self.layouts), len(self.layouts) + len(names))
            self.layouts += [database[name] for name in names]

    def read(self, buses: Buses, kind: str, scope: Scope, site: IntArray, pack: IntArray, slot: IntArray) -> Received:
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
        buses: Buses,
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


def _names(kind: str, packs: int, modules: int) -> list[str]:
    sender, _, rest = kind.partition("_")
    if sender == "Module":
        return [f"Module{slot + 1:02d}_{rest}" for slot in range(packs * modules)]
    if sender == "Pack":
        return [f"Pack{pack + 1}_{rest}" for pack in range(packs)]
    return [kind]
