"""When each ECU's control task runs: a phase and a clock drift of its own, in integer nanoseconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.streams import stream

IntArray = NDArray[np.int64]

DRIFT_PPM = 20.0
"""Standard deviation of a crystal's frequency error; 20 ppm is a common crystal's tolerance."""

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Batch:
    """Activations of ECUs of one role, at most one a site: ``[n]`` each."""

    role: int
    site: IntArray
    ecu: IntArray
    time_ns: IntArray


class Schedule:
    """The next activation of every ECU, ``[site, ecu]``."""

    def __init__(self, roles: Sequence[int], period_ns: int, seed: int, site_ids: IntArray) -> None:
        shape = (len(site_ids), len(roles))
        self._roles = np.array(roles, np.int64)
        self._next_ns = np.empty(shape, np.int64)
        self._period_ns = np.empty(shape, np.int64)
        for row, site in enumerate(site_ids):
            draws = stream(seed, "site", int(site), "clocks")
            self._next_ns[row] = draws.integers(0, period_ns, len(roles))
            drift_ppm = DRIFT_PPM * draws.standard_normal(len(roles))
            self._period_ns[row] = np.round(period_ns * (1.0 + drift_ppm * 1e-6))

    def batches(self, end_ns: int) -> Iterator[Batch]:
        """Yield every activation before ``end_ns``: each site's in its own chronological order.

        Sites do not act on each other within a tick, so activations of one role at different sites share a batch, and
        the role that most sites wait for goes first. ECUs of a site that activate at one instant go in their order.
        """
        every = np.arange(len(self._next_ns))
        while True:
            ecu = self._next_ns.argmin(axis=1)
            time_ns = self._next_ns[every, ecu]
            due = time_ns < end_ns
            if not due.any():
                return
            role = self._roles[ecu]
            chosen = int(np.bincount(role[due]).argmax())
            site = np.flatnonzero(due & (role == chosen))
            self._next_ns[site, ecu[site]] += self._period_ns[site, ecu[site]]
            yield Batch(chosen, site, ecu[site], time_ns[site])

    def stop(self, site: int) -> None:
        """Activate no ECU of this site any more."""
        self._next_ns[site] = _NEVER
