"""Arrays in, arrays out: the engine as others see it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from twin.network.engines.counters import IntArray
from twin.network.engines.engine import Engine, Payload
from twin.network.engines.records import LOG_COLUMNS, Change, Instruction, Transfer
from twin.network.engines.simpy.ledger import Ledger
from twin.network.engines.simpy.site import BY_SEND, Site, Told
from twin.network.engines.simpy.wiring import Wiring
from twin.network.network import Network


class SimpyEngine(Engine):
    """Networks computed by SimPy; see ``Engine`` for the promise. ``threads`` makes no difference."""

    def __init__(
        self,
        network: Network,
        count: int,
        *,
        keys: NDArray[np.uint64] | None = None,
        logged: Sequence[int] = (),
        threads: int = 1,
    ) -> None:
        super().__init__(network, count, keys=keys, logged=logged, threads=threads)
        self._first_error_bits: list[list[int]] = [table.tolist() for table in self._thresholds]
        self._wiring = Wiring(network, self._formats, self._format_of.tolist())
        self._payload_lengths = np.array([one.payload_bytes for one in self._formats], np.int64)
        self._sites = [
            Site(self._wiring, Ledger(self, site), key, self._first_error_bits)
            for site, key in enumerate(self.keys.tolist())
        ]

    def take_transfers(self) -> list[Transfer]:
        """Return the ends of transfers, at one instant in the order in which they came."""
        taken = [transfer for site in self._sites for transfer in site.ledger.transfers]
        for site in self._sites:
            site.ledger.transfers.clear()
        return taken

    def take_changes(self) -> list[Change]:
        """Return the nodes' changes of state, at one instant in the order in which they came."""
        taken = [change for site in self._sites for change in site.ledger.changes]
        for site in self._sites:
            site.ledger.changes.clear()
        return taken

    def _queue(
        self, messages: IntArray, rows: IntArray, release_ns: IntArray, payload: Payload, formats: IntArray
    ) -> None:
        nominal_bits, data_bits = self._frame_lengths.bits(formats, payload)
        columns = (rows, messages, formats, release_ns, nominal_bits, data_bits)
        contents = self._contents(payload, formats)
        instance_of_bits = self._wiring.instance_of_bits
        for content, (row, message, number, release, nominal, data) in zip(
            contents, zip(*(column.tolist() for column in columns), strict=True), strict=True
        ):
            instance = instance_of_bits(message, self._formats[number], content, release, nominal, data)
            self._sites[row].release(instance, BY_SEND)

    def _give(
        self, kind: Instruction, rows: IntArray, time_ns: IntArray, target: int, values: IntArray, payload: Payload
    ) -> None:
        formats = values[:, 2] if kind == Instruction.CYCLE else np.zeros(len(rows), np.int64)
        contents = self._contents(payload, formats)
        for row, time, given, content in zip(rows.tolist(), time_ns.tolist(), values.tolist(), contents, strict=True):
            self._sites[row].tell(time, Told(kind, target, given, content))

    def _add_thresholds(self, thresholds: NDArray[np.uint64]) -> None:
        self._first_error_bits.append(thresholds.tolist())

    def _begin(self, link: int, rows: IntArray, time_ns: IntArray, data: Sequence[bytes]) -> None:
        for row, time, content in zip(rows.tolist(), time_ns.tolist(), data, strict=True):
            self._sites[row].links.transfer(link, time, content)

    def _advance(self, until_ns: IntArray) -> None:
        for site, until in zip(self._sites, until_ns.tolist(), strict=True):
            site.agenda.advance(until)

    def _take_rows(self, site: int) -> NDArray[np.uint64]:
        log = self._sites[site].ledger.log
        rows = np.array([] if log is None else log, np.uint64)
        if log is not None:
            del log[:]
        return rows.reshape(-1, LOG_COLUMNS + self.network.payload_bytes // 8)

    def _contents(self, payload: Payload, formats: IntArray) -> list[bytes]:
        """Return every payload with 0 beyond what its frame carries."""
        width = payload.shape[1]
        within = np.arange(width) < self._payload_lengths[formats][:, None]
        every = np.where(within, payload, 0).astype(np.uint8).tobytes()
        return [every[place : place + width] for place in range(0, len(every), width)]
