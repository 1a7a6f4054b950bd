"""One round of frames that stands for many: the traffic of sites in which nothing happens for a while.

In a long tick every ECU of such a site is activated once, and what it sends is simulated as ever: arbitration, errors,
gateways, reception. What it would have sent in the activations that were passed over is taken to be like it: its counts
are multiplied, and what others have received of it is as old as the last of them would have left it. Latencies are
counted of the frames that were simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.network.engines.engine import Engine
from twin.network.frames.lengths import FD_SWITCHING, FrameLengths
from twin.network.site import SiteNetwork

IntArray = NDArray[np.int64]

_COUNTS = ("frames", "overwritten", "dropped", "errors", "misses")


@dataclass(frozen=True)
class Before:
    """What had been counted before a round, ``[row, message]`` by name, and ``busy_ns[row, segment]``."""

    rows: IntArray
    counts: dict[str, IntArray]
    busy_ns: IntArray


class Rounds:
    """The rounds of the sites of a cohort; ``ecus`` are the names of their ECUs as nodes of the network."""

    def __init__(self, buses: Engine, wires: SiteNetwork, ecus: Sequence[str]) -> None:
        self._buses = buses
        network = buses.network
        sender = np.full(len(network.messages), -1, np.int64)
        places = {name: place for place, name in enumerate(ecus)}
        for (layout, _), message in wires.copies.items():
            sender[message] = places.get(wires.layouts[layout].sender, -1)
        self._ours = np.flatnonzero(sender >= 0)
        self._sender = sender[self._ours]
        boxes = np.array([message for _, message in network.boxes], np.int64)
        self._boxes = np.flatnonzero(sender[boxes] >= 0)
        self._box_sender = sender[boxes[self._boxes]]
        self._weight = _weights(buses)

    def begin(self, rows: IntArray) -> Before:
        """Note what has been counted at the sites ``rows`` before a round."""
        statistics = self._buses.statistics
        counts = {name: getattr(statistics, name)[rows] for name in _COUNTS}
        return Before(rows, counts, statistics.busy_ns[rows])

    def repeat(self, before: Before, begin_ns: int, passed_over: IntArray, period_ns: IntArray) -> None:
        """Let the round since ``begin_ns`` stand for those that each ECU passed over too, ``[row, ecu]``."""
        statistics, rows = self._buses.statistics, before.rows
        more = passed_over[:, self._sender]
        frames, further = self._frames_since(before), np.zeros_like(before.counts["frames"])
        for name in _COUNTS:
            counted = getattr(statistics, name)
            further[:, self._ours] = (counted[rows] - before.counts[name])[:, self._ours] * more
            counted[rows] += further
            if name == "frames":
                self._add_busy(before, frames, further)
        times_ns = self._buses.mailbox_time_ns
        where = rows[:, None], self._boxes
        seen_ns = times_ns[where]
        age_ns = (passed_over * period_ns)[:, self._box_sender]
        times_ns[where] = np.where(seen_ns >= begin_ns, seen_ns + age_ns, seen_ns)

    def _frames_since(self, before: Before) -> IntArray:
        frames: IntArray = self._buses.statistics.frames[before.rows] - before.counts["frames"]
        return frames

    def _add_busy(self, before: Before, frames: IntArray, further: IntArray) -> None:
        """Add the time that ``further[row, message]`` frames take, as the ``frames`` of the round have taken theirs."""
        busy_ns = self._buses.statistics.busy_ns
        taken_ns = busy_ns[before.rows] - before.busy_ns
        share = (further @ self._weight) / np.maximum(frames @ self._weight, np.finfo(np.float64).tiny)
        busy_ns[before.rows] += np.rint(taken_ns * share).astype(np.int64)


def _weights(buses: Engine) -> NDArray[np.float64]:
    """Return the seconds that a frame takes on its segment, but for stuff bits, ``[message, segment]``."""
    network = buses.network
    weight = np.zeros((len(network.messages), len(network.segments)))
    formats = [message.frame_format(message.length) for message in network.messages]
    _, _, _, nominal_bits, data_bits, kind = FrameLengths(formats).tables().headers.T
    for message, switches in enumerate((kind == FD_SWITCHING).tolist()):
        place = network.segment_of(message)
        segment = network.segments[place]
        data_bit_s = (segment.data_bitrate_bit_s if switches else None) or segment.bitrate_bit_s
        weight[message, place] = nominal_bits[message] / segment.bitrate_bit_s + data_bits[message] / data_bit_s
    return weight
