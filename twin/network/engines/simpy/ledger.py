"""What the readable engine writes down of a site: one row of each of the engine's arrays, and what it hands out.

Arrays are written through memory views, because a NumPy scalar costs more than the rest of an event.
"""

from __future__ import annotations

from array import array

from twin.network.engines.counters import LATENCY_BINS, latency_bin
from twin.network.engines.engine import NEVER_SEEN, Engine
from twin.network.engines.records import Change, NodeState, Transfer
from twin.network.engines.simpy.frames import Instance

NO_ERROR_BIT = (1 << 64) - 1


class Ledger:
    """One site's statistics and states of nodes, ``[message]``, ``[segment]`` or ``[node]``, mailboxes and records."""

    def __init__(self, engine: Engine, site: int) -> None:
        statistics, nodes = engine.statistics, engine.nodes
        self.site = site
        self.frames = statistics.frames[site].data
        self.overwritten = statistics.overwritten[site].data
        self.dropped = statistics.dropped[site].data
        self.errors = statistics.errors[site].data
        self.busy_ns = statistics.busy_ns[site].data
        self.tec, self.rec, self.state = nodes.tec[site].data, nodes.rec[site].data, nodes.state[site].data
        self.bus_offs = nodes.bus_offs[site].data
        self.log: array[int] | None = array("Q") if site in engine.logged else None
        self.changes: list[Change] = []
        self.transfers: list[Transfer] = []
        self._misses = statistics.misses[site].data
        self._latency_sum_ns = statistics.latency_sum_ns[site].data
        self._latency_max_ns = statistics.latency_max_ns[site].data
        self._latency_histogram = statistics.latency_histogram[site].reshape(-1).data
        self._deadlines_ns = [message.deadline_ns for message in engine.network.messages]
        self._mailbox_payload = engine.mailbox_payload[site].reshape(-1).data
        self._mailbox_time_ns = engine.mailbox_time_ns[site].data
        self._payload_bytes = engine.network.payload_bytes

    def sent(self, instance: Instance, seen_ns: int) -> None:
        """Count a frame that all have seen."""
        message, latency_ns = instance.message, seen_ns - instance.release_ns
        self.frames[message] += 1
        self._latency_sum_ns[message] += latency_ns
        if latency_ns > self._latency_max_ns[message]:
            self._latency_max_ns[message] = latency_ns
        self._latency_histogram[message * LATENCY_BINS + latency_bin(latency_ns)] += 1
        deadline_ns = self._deadlines_ns[message]
        if deadline_ns is not None and latency_ns > deadline_ns:
            self._misses[message] += 1

    def put_into_mailbox(self, box: int, payload: bytes, seen_ns: int) -> None:
        """Let a node have what it received."""
        width = self._payload_bytes
        self._mailbox_payload[box * width : (box + 1) * width] = payload
        self._mailbox_time_ns[box] = seen_ns

    def empty_mailbox(self, box: int) -> None:
        """Forget what a node received."""
        self.put_into_mailbox(box, bytes(self._payload_bytes), NEVER_SEEN)

    def put_into_log(self, instance: Instance, start_ns: int, finish_ns: int, error_bit: int = NO_ERROR_BIT) -> None:
        """Append a frame that was seen or has failed, if this site keeps a log."""
        if self.log is None:
            return
        length = instance.frame_format.length
        self.log.extend((instance.message, instance.release_ns, start_ns, finish_ns, length, error_bit))
        self.log.frombytes(instance.payload)

    def put_node(self, node: int, tec: int, rec: int, state: NodeState, now_ns: int) -> None:
        """Write down a node's counters and state, and a change of the latter."""
        self.tec[node], self.rec[node] = tec, rec
        if self.state[node] != state:
            self.state[node] = state
            self.changes.append(Change(self.site, now_ns, node, state))
