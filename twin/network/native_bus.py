"""The fast engine: all buses in one native call, with the same arrays; ``twin.network.simpy_bus`` judges it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from twin.native._native import Can
from twin.network.bus import BusEngine, priority_order
from twin.network.codec import MessageLayout, Payload
from twin.network.statistics import IntArray

_LOG_COLUMNS = 5


class NativeBuses(BusEngine):
    """CAN buses computed by native code; see ``BusEngine`` for the promise."""

    def __init__(
        self, messages: Sequence[MessageLayout], count: int, bitrate_bit_s: float, *, logged: Sequence[int] = ()
    ) -> None:
        super().__init__(messages, count, bitrate_bit_s, logged=logged)
        tables, statistics = self._frame_lengths.tables(), self.statistics
        self._can = Can(
            bitrate_bit_s=bitrate_bit_s,
            order=priority_order(self.messages),
            logged=list(self.logged),
            headers=np.ascontiguousarray(tables.headers[:, :4]),
            crc=tables.crc,
            stuffing_7=tables.stuffing_7,
            stuffing_8=tables.stuffing_8,
            mailbox=self._mailbox_words,
            counts=[
                self.mailbox_time_ns,
                statistics.frames,
                statistics.overwritten,
                statistics.latency_sum_ns,
                statistics.latency_max_ns,
            ],
            latency_histogram=statistics.latency_histogram,
            busy_ns=statistics.busy_ns,
        )

    def _queue(
        self, messages: IntArray, rows: IntArray, release_ns: IntArray, payload: Payload, bits: IntArray | None
    ) -> None:
        lengths = None if bits is None else _flat(bits)
        self._can.send(_flat(messages), _flat(rows), _flat(release_ns), payload, lengths)

    def _advance(self, until_ns: IntArray) -> None:
        self._can.advance(_flat(until_ns))

    def _take_rows(self, bus: int) -> NDArray[np.uint64]:
        return np.frombuffer(bytearray(self._can.take_log(bus)), np.uint64).reshape(-1, _LOG_COLUMNS)


def _flat(values: IntArray) -> IntArray:
    """Return a column as native code takes it: contiguous, 64 bits."""
    return np.ascontiguousarray(values, np.int64)
