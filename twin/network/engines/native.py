"""The fast engine: the networks of all sites in one native call, with the same arrays; the SimPy engine judges it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from twin.native import _native
from twin.network.engines.engine import Engine, Payload
from twin.network.engines.records import LOG_COLUMNS, Change, Instruction, IntArray, NodeState, Outcome, Transfer
from twin.network.frames.bits import FrameFormat
from twin.network.network import Channel, Network

_NONE = -1


class NativeEngine(Engine):
    """Networks computed by native code; see ``Engine`` for the promise."""

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
        tables, statistics, nodes = self._frame_lengths.tables(), self.statistics, self.nodes
        self._native = _native.Network(
            segments=_segments(network),
            nodes=_nodes(network),
            messages=_messages(network),
            order=network.priority_order(),
            boxes=_rows(network.boxes, 2),
            routes=_rows([(one.message, one.node, one.to, one.delay_ns) for one in network.routes], 4),
            links=_rows([row for channel in network.channels for row in _links(network, channel)], 9),
            buffer_bytes=[channel.buffer_bytes for channel in network.channels for _ in range(2)],
            formats=_rows([_format_row(one, message) for one, message in self._formats_and_messages()], 7),
            format_of=self._format_of,
            headers=tables.headers,
            crc=tables.crc,
            stuffing=[tables.stuffing_7, tables.stuffing_8, tables.stuffing_8_last],
            keys=self.keys,
            mailbox_time_ns=self.mailbox_time_ns,
            mailbox_payload=self.mailbox_payload,
            counts=[
                statistics.frames,
                statistics.overwritten,
                statistics.dropped,
                statistics.errors,
                statistics.misses,
                statistics.latency_sum_ns,
                statistics.latency_max_ns,
            ],
            latency_histogram=statistics.latency_histogram,
            busy_ns=statistics.busy_ns,
            counters=[nodes.tec, nodes.rec, nodes.bus_offs],
            state=nodes.state,
            logged=list(self.logged),
            threads=threads,
        )

    def take_transfers(self) -> list[Transfer]:
        """Return what became of transfers since the last call, by (site, instant), and forget it."""
        taken = self._native.take_transfers()
        return [Transfer(site, at_ns, link, Outcome(outcome), data) for site, at_ns, link, outcome, data in taken]

    def take_changes(self) -> list[Change]:
        """Return the nodes' changes of state since the last call, by (site, instant), and forget them."""
        return [Change(site, at_ns, node, NodeState(state)) for site, at_ns, node, state in self._native.take_changes()]

    def _queue(
        self, messages: IntArray, rows: IntArray, release_ns: IntArray, payload: Payload, formats: IntArray
    ) -> None:
        self._native.send(_flat(messages), _flat(rows), _flat(release_ns), payload, _flat(formats))

    def _give(
        self, kind: Instruction, rows: IntArray, time_ns: IntArray, target: int, values: IntArray, payload: Payload
    ) -> None:
        self._native.instruct(int(kind), target, _flat(rows), _flat(time_ns), _flat(values), payload)

    def _add_thresholds(self, thresholds: NDArray[np.uint64]) -> None:
        self._native.add_thresholds(thresholds)

    def _begin(self, link: int, rows: IntArray, time_ns: IntArray, data: Sequence[bytes]) -> None:
        self._native.transfer(link, _flat(rows), _flat(time_ns), list(data))

    def _advance(self, until_ns: IntArray) -> None:
        self._native.advance(_flat(until_ns))

    def _take_rows(self, site: int) -> NDArray[np.uint64]:
        width = LOG_COLUMNS + self.network.payload_bytes // 8
        return np.frombuffer(bytearray(self._native.take_log(site)), np.uint64).reshape(-1, width)

    def _formats_and_messages(self) -> list[tuple[FrameFormat, int]]:
        owners = chain.from_iterable([index] * len(one.lengths()) for index, one in enumerate(self.network.messages))
        return list(zip(self._formats, owners, strict=True))


def _flat(values: IntArray) -> IntArray:
    """Return integers as native code takes them: contiguous, 64 bits."""
    return np.ascontiguousarray(values, np.int64)


def _rows(rows: Sequence[Sequence[int]], width: int) -> IntArray:
    return np.array(rows, np.int64).reshape(len(rows), width)


def _segments(network: Network) -> NDArray[np.float64]:
    rates = [(one.bitrate_bit_s, one.data_bitrate_bit_s or one.bitrate_bit_s) for one in network.segments]
    return np.array(rates, np.float64).reshape(-1, 2)


def _nodes(network: Network) -> IntArray:
    """Return segment, whether its queue is a FIFO, the depth of that, and the recovery time of every node."""
    return _rows(
        [
            (one.segment, one.queue == "fifo", one.depth, _NONE if one.recovery_ns is None else one.recovery_ns)
            for one in network.nodes
        ],
        4,
    )


def _messages(network: Network) -> IntArray:
    """Return node, depth, deadline, frame_bits, and whether it is a remote frame, of every message."""
    return _rows(
        [
            (
                one.node,
                one.depth,
                _NONE if one.deadline_ns is None else one.deadline_ns,
                one.frame_bits or 0,
                one.remote,
            )
            for one in network.messages
        ],
        5,
    )


def _links(network: Network, channel: Channel) -> list[tuple[int, ...]]:
    """Return a channel's two links: data, reply, longest frame, block size, STmin's and padding's byte, and times."""
    stmin = channel.stmin_ns // 1_000_000 if channel.stmin_ns % 1_000_000 == 0 else 0xF0 + channel.stmin_ns // 100_000
    padding = _NONE if channel.padding is None else channel.padding
    shared = channel.block_size, stmin, padding, channel.flow_control_ns, channel.separation_ns, channel.timeout_ns
    both = (channel.request, channel.response), (channel.response, channel.request)
    return [(data, reply, network.messages[data].length, *shared) for data, reply in both]


def _format_row(one: FrameFormat, message: int) -> tuple[int, ...]:
    return message, one.identifier, one.length, one.extended, one.fd, one.bit_rate_switch, one.remote
