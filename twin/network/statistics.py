"""What a run learns about its buses: load, latencies and lost instances as arrays, and chosen buses frame by frame."""

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
    """Counts and sums ``[bus, message]`` since the start, of frames that receivers have seen.

    A latency is the time from release (the frame is queued) to reception (end of the last EOF bit).
    """

    frames: IntArray
    overwritten: IntArray
    """Instances that a newer one replaced before they won arbitration."""
    latency_sum_ns: IntArray
    latency_max_ns: IntArray
    latency_histogram: NDArray[np.uint32]
    """``[bus, message, bin]``; edges in ``LATENCY_EDGES_NS``."""
    busy_ns: IntArray
    """``[bus]``: time taken by these frames, interframe spaces included."""

    @classmethod
    def zero(cls, buses: int, messages: int) -> Statistics:
        """Return the statistics of buses that nothing has happened on."""
        shape = (buses, messages)
        return cls(
            frames=np.zeros(shape, np.int64),
            overwritten=np.zeros(shape, np.int64),
            latency_sum_ns=np.zeros(shape, np.int64),
            latency_max_ns=np.zeros(shape, np.int64),
            latency_histogram=np.zeros((*shape, LATENCY_BINS), np.uint32),
            busy_ns=np.zeros(buses, np.int64),
        )

    def latency_mean_s(self) -> NDArray[np.float64]:
        """Return the mean latency ``[bus, message]``, NaN where no frame was seen."""
        with np.errstate(invalid="ignore"):
            return self.latency_sum_ns * 1e-9 / self.frames


@dataclass(frozen=True)
class FrameLog:
    """Frames of one bus in the order in which they were sent, as columns ``[frame]``."""

    message: IntArray
    """Index into the engine's messages."""
    identifier: IntArray
    release_ns: IntArray
    start_ns: IntArray
    finish_ns: IntArray
    """End of the interframe space."""
    payload: NDArray[np.uint8]
    """``[frame, 8]``; bytes beyond the message's length are 0."""
