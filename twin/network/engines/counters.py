"""What a run learns about its networks: load, latencies, lost instances and errors, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

_STEPS_PER_OCTAVE = 4
_FIRST_OCTAVE = 15
_LAST_OCTAVE = 31
LATENCY_BINS = _STEPS_PER_OCTAVE * (_LAST_OCTAVE - _FIRST_OCTAVE)
LATENCY_EDGES_NS: IntArray = np.array(
    [(4 + step) << octave - 2 for octave in range(_FIRST_OCTAVE, _LAST_OCTAVE) for step in range(_STEPS_PER_OCTAVE)]
    + [1 << _LAST_OCTAVE]
)
"""Edges of the latency histogram, 33 us to 2.1 s in four steps an octave; the outer bins hold everything beyond."""
LATENCY_EDGES_NS.flags.writeable = False


def latency_bin(latency_ns: int) -> int:
    """Return the bin of a latency of at least 4 ns: its octave and the two bits behind its highest one."""
    bits = latency_ns.bit_length()
    found = (bits - 1 - _FIRST_OCTAVE << 2) + (latency_ns >> bits - 3 & 3)
    return 0 if found < 0 else found if found < LATENCY_BINS else LATENCY_BINS - 1


@dataclass(frozen=True)
class Statistics:
    """Counts and sums ``[site, message]`` since the start.

    A latency is the time from release (the frame is queued) to reception (end of the last EOF bit).
    """

    frames: IntArray
    """Frames that were sent without an error."""
    overwritten: IntArray
    """Instances that a newer one replaced before they were sent."""
    dropped: IntArray
    """Instances that found a full queue, or were queued at a node that is off or bus-off, or went so."""
    errors: IntArray
    """Attempts that failed."""
    misses: IntArray
    """Frames seen later than their deadline."""
    latency_sum_ns: IntArray
    latency_max_ns: IntArray
    latency_histogram: NDArray[np.uint32]
    """``[site, message, bin]``; edges in ``LATENCY_EDGES_NS``."""
    busy_ns: IntArray
    """``[site, segment]``: time taken by frames and failed attempts, error flags and interframe spaces included;
    counted when the frame is seen or fails."""

    @classmethod
    def zero(cls, sites: int, messages: int, segments: int) -> Statistics:
        """Return the statistics of networks that nothing has happened on."""
        shape = (sites, messages)
        return cls(
            frames=np.zeros(shape, np.int64),
            overwritten=np.zeros(shape, np.int64),
            dropped=np.zeros(shape, np.int64),
            errors=np.zeros(shape, np.int64),
            misses=np.zeros(shape, np.int64),
            latency_sum_ns=np.zeros(shape, np.int64),
            latency_max_ns=np.zeros(shape, np.int64),
            latency_histogram=np.zeros((*shape, LATENCY_BINS), np.uint32),
            busy_ns=np.zeros((sites, segments), np.int64),
        )

    def latency_mean_s(self) -> NDArray[np.float64]:
        """Return the mean latency ``[bus, message]``, NaN where no frame was seen."""
        with np.errstate(invalid="ignore"):
            return self.latency_sum_ns * 1e-9 / self.frames


@dataclass(frozen=True)
class NodeStates:
    """The nodes' error counters and states ``[site, node]``, as they are now."""

    tec: IntArray
    rec: IntArray
    state: NDArray[np.int8]
    """See ``records.NodeState``."""
    bus_offs: IntArray
    """How often the node went bus-off."""

    @classmethod
    def zero(cls, sites: int, nodes: int) -> NodeStates:
        """Return the states of nodes that are on and error active."""
        shape = (sites, nodes)
        counts = (np.zeros(shape, np.int64) for _ in range(3))
        tec, rec, bus_offs = counts
        return cls(tec, rec, np.zeros(shape, np.int8), bus_offs)
