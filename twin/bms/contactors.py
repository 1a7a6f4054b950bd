"""The main contactor of a pack: open, pre-charging, closed, and when to go from one to the next.

Rules:
- Nothing closes before every module has been heard, or a grace time has passed and one has.
- Pre-charging starts when a module has closed its own contactor onto the pack's bus bar.
- The main contactor closes when the DC link has been within 5 % of the pack's voltage for a settling time.
- A link that does not come there in time is a fault; it is latched open.
- With no module closed any more, the main contactor opens, and the sequence may begin again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.plant.dc_bus import CLOSED, OPEN, PRECHARGE

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

GRACE_NS = 10_000_000_000
SETTLE_NS = 500_000_000
PRECHARGE_TIMEOUT_NS = 15_000_000_000
LINK_TOLERANCE = 0.05

_NEVER = -1


@dataclass(frozen=True)
class Sequence:
    """Where each pack's sequence stands, ``[row]``."""

    state: NDArray[np.int8]
    since_ns: IntArray
    even_ns: IntArray
    """Since when the DC link is as high as the pack; -1 where it is not."""
    started: BoolArray
    """Whether modules may close."""
    failed: BoolArray

    @classmethod
    def initial(cls, rows: int) -> Sequence:
        """Return open contactors."""
        never = np.full(rows, _NEVER, np.int64)
        no = np.zeros(rows, np.bool_)
        return cls(np.zeros(rows, np.int8), np.zeros(rows, np.int64), never, no, no.copy())

    def step(
        self, time_ns: IntArray, heard: BoolArray, closed: BoolArray, link_V: FloatArray, pack_V: FloatArray
    ) -> Sequence:
        """Return the state after a look at the modules (``heard``, ``closed``: ``[row, module]``) and the voltages."""
        elapsed_ns = time_ns - self.since_ns
        any_closed = closed.any(axis=1)
        started = self.started | heard.all(axis=1) | ((elapsed_ns >= GRACE_NS) & heard.any(axis=1))
        even = any_closed & (np.abs(link_V - pack_V) <= LINK_TOLERANCE * pack_V)
        even_ns = np.where(even, np.where(self.even_ns == _NEVER, time_ns, self.even_ns), _NEVER)
        settled = even & (time_ns - even_ns >= SETTLE_NS)
        late = (self.state == PRECHARGE) & ~settled & (elapsed_ns >= PRECHARGE_TIMEOUT_NS)
        failed = self.failed | late
        may_close = np.where(self.state == OPEN, started, settled)
        wanted = np.minimum(self.state + may_close, CLOSED)
        wanted[failed | ~any_closed] = OPEN
        since_ns = np.where(wanted != self.state, time_ns, self.since_ns)
        return Sequence(wanted, since_ns, even_ns, started, failed)
