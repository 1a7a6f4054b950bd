"""The readable engine: every bus is a SimPy environment of its own, with an event for every frame.

It judges faster engines, so it is written to be checked by eye against ``twin.network.bus``. Two kinds of event exist,
and both mean "the bus may be idle now": the end of a frame, and the release of a frame that an idle bus waits for.
Inside, messages are ranks: rank 0 wins every arbitration. All that an event touches is plain Python and memory views,
because a NumPy scalar costs more than the rest of the event.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import count as counter
from typing import Any, NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray
from simpy.events import Timeout

from twin.network.bus import BusEngine, priority_order
from twin.network.codec import MessageLayout, Payload
from twin.network.frames import INTERFRAME_BITS
from twin.network.statistics import LATENCY_BINS, IntArray, latency_bin

_NO_WAKE_NS = 1 << 62
"""Wake-up time of an idle bus that waits for nothing in particular."""
_BUSY = -1
"""Wake-up time of a bus that transmits: earlier than any release, so no release asks for a wake-up."""
_LOG_COLUMNS = 5

_Frame = tuple[int, int, int, int, int, int]
"""Release, sequence number, rank, seen and finish after the start, payload: ordered by release, then by sending."""


class SimpyBuses(BusEngine):
    """CAN buses computed by SimPy; see ``BusEngine`` for the promise."""

    def __init__(
        self, messages: Sequence[MessageLayout], count: int, bitrate_bit_s: float, *, logged: Sequence[int] = ()
    ) -> None:
        super().__init__(messages, count, bitrate_bit_s, logged=logged)
        self._order = priority_order(self.messages)
        self._rank = np.argsort(self._order)
        self._sequence = counter()
        self._logs = {bus: array("Q") for bus in self.logged}
        views = _Views.of(self)
        self._buses = [_Bus(index, views, self._order, self._logs.get(index)) for index in range(count)]

    def _queue(
        self, messages: IntArray, rows: IntArray, release_ns: IntArray, payload: Payload, bits: IntArray | None
    ) -> None:
        buses, sequence = self._buses, self._sequence
        if bits is None:
            bits, _ = self._frame_lengths.bits(messages, payload)
        seen_ns, finish_ns = self._duration_ns(bits - INTERFRAME_BITS), self._duration_ns(bits)
        columns = (rows, release_ns, self._rank[messages], seen_ns, finish_ns, payload.view(np.uint64)[:, 0])
        for row, release, rank, seen, finish, word in zip(*(column.tolist() for column in columns), strict=True):
            buses[row].release((release, next(sequence), rank, seen, finish, word))

    def _advance(self, until_ns: IntArray) -> None:
        for bus, until in zip(self._buses, until_ns.tolist(), strict=True):
            bus.advance(until)

    def _take_rows(self, bus: int) -> NDArray[np.uint64]:
        rows = np.array(self._logs[bus], np.uint64).reshape(-1, _LOG_COLUMNS)
        del self._logs[bus][:]
        return rows

    def _duration_ns(self, bits: IntArray) -> IntArray:
        return np.rint(bits * 1e9 / self.bitrate_bit_s).astype(np.int64)


class _Views(NamedTuple):
    """Memory views of the engine's arrays ``[bus, message]``, flat, and of ``busy_ns[bus]``."""

    payload: memoryview
    time_ns: memoryview
    frames: memoryview
    overwritten: memoryview
    latency_sum_ns: memoryview
    latency_max_ns: memoryview
    latency_histogram: memoryview
    busy_ns: memoryview

    @classmethod
    def of(cls, engine: SimpyBuses) -> _Views:
        statistics = engine.statistics
        arrays: tuple[NDArray[Any], ...] = (
            engine._mailbox_words,
            engine.mailbox_time_ns,
            statistics.frames,
            statistics.overwritten,
            statistics.latency_sum_ns,
            statistics.latency_max_ns,
            statistics.latency_histogram,
            statistics.busy_ns,
        )
        return cls(*(values.reshape(-1).data for values in arrays))


class _Bus:
    """One bus: what is released, what waits for arbitration, what is on the wire."""

    __slots__ = (
        "_cells",
        "_environment",
        "_finish_ns",
        "_frame",
        "_index",
        "_log",
        "_messages",
        "_on_idle",
        "_pending",
        "_releases",
        "_seen_ns",
        "_start_ns",
        "_views",
        "_waiting",
        "_wake_ns",
    )

    def __init__(self, index: int, views: _Views, order: Sequence[int], log: array[int] | None) -> None:
        self._index = index
        self._views = views
        self._messages = order
        self._cells = [index * len(order) + message for message in order]
        self._log = log
        self._environment = simpy.Environment(initial_time=0)
        self._on_idle = self._idle
        self._releases: list[_Frame] = []
        self._waiting: list[_Frame | None] = [None] * len(order)
        self._pending = 0  # bit r is set where a frame of rank r waits
        self._frame: _Frame | None = None  # on the wire and not yet seen
        self._start_ns = self._seen_ns = self._finish_ns = 0
        self._wake_ns = _NO_WAKE_NS

    def release(self, frame: _Frame) -> None:
        """Queue a frame that is released now or later."""
        heappush(self._releases, frame)
        if frame[0] < self._wake_ns:
            self._wake(frame[0])

    def advance(self, until_ns: int) -> None:
        """Decide all arbitrations before an instant, and deliver what is seen by then."""
        environment = self._environment
        while environment.peek() < until_ns:
            environment.step()
        if self._frame is not None and self._seen_ns <= until_ns:
            self._deliver(self._frame)

    def _idle(self, _: Any) -> None:
        """Start the next frame, unless the bus turns out to be busy: a wake-up that an earlier one has forestalled."""
        now_ns = self._environment.now
        if now_ns < self._finish_ns:
            return
        if self._frame is not None:
            self._deliver(self._frame)
        releases = self._releases
        while releases and releases[0][0] <= now_ns:
            self._join(heappop(releases))
        if self._pending:
            self._transmit(now_ns)
        elif releases:
            self._wake(releases[0][0])
        else:
            self._wake_ns = _NO_WAKE_NS

    def _join(self, frame: _Frame) -> None:
        rank = frame[2]
        if self._waiting[rank] is not None:
            self._views.overwritten[self._cells[rank]] += 1
        self._waiting[rank] = frame
        self._pending |= 1 << rank

    def _transmit(self, now_ns: int) -> None:
        lowest = self._pending & -self._pending
        rank = lowest.bit_length() - 1
        frame = self._waiting[rank]
        assert frame is not None
        self._pending ^= lowest
        self._waiting[rank] = None
        self._frame = frame
        self._start_ns = now_ns
        self._seen_ns = now_ns + frame[3]
        self._finish_ns = now_ns + frame[4]
        self._wake_ns = _BUSY
        self._call_after(frame[4])

    def _wake(self, time_ns: int) -> None:
        self._wake_ns = time_ns
        self._call_after(time_ns - self._environment.now)

    def _call_after(self, delay_ns: int) -> None:
        Timeout(self._environment, delay_ns).callbacks.append(self._on_idle)

    def _deliver(self, frame: _Frame) -> None:
        """Put the frame on the wire into the mailboxes, and count it."""
        release_ns, _, rank, _, busy_ns, payload = frame
        payloads, times_ns, frames, _, sums_ns, maxima_ns, histogram, busy = self._views
        cell, seen_ns = self._cells[rank], self._seen_ns
        latency_ns = seen_ns - release_ns
        payloads[cell] = payload
        times_ns[cell] = seen_ns
        frames[cell] += 1
        sums_ns[cell] += latency_ns
        if latency_ns > maxima_ns[cell]:
            maxima_ns[cell] = latency_ns
        histogram[cell * LATENCY_BINS + latency_bin(latency_ns)] += 1
        busy[self._index] += busy_ns
        if self._log is not None:
            self._log.extend((self._messages[rank], release_ns, self._start_ns, self._finish_ns, payload))
        self._frame = None
