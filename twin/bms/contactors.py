"""Contactors: when a pack's main contactor, or in a pack without one a module's, goes from one state to the next.

Rules of a pack (``Sequence``):
- Nothing closes before every module has been heard, or a grace time has passed and one has.
- Before that, an open contactor must not look welded: ``welds`` below.
- Pre-charging starts when a module has closed its own contactor onto the pack's bus bar.
- The main contactor closes when the DC link has been within 5 % of the pack's voltage for a settling time.
- A link that does not come there in time is a fault; it is latched open.
- With no module closed any more, the main contactor opens, and the sequence may begin again.
- A trip opens at once; it, a failure and a weld are latched until they are cleared.

Rules of a module among peers (``PeerSequence``):
- A dead link is pre-charged by the first module that is ready; the others wait until it is live.
- A live link that is as high as the module is joined at once, another one through the module's pre-charge resistor.
- Who is not ready, or tripped, opens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from twin.bms.lasting import NEVER, since
from twin.plant.dc_bus import CLOSED, OPEN, PRECHARGE

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

GRACE_NS = 10_000_000_000
SETTLE_NS = 500_000_000
PRECHARGE_TIMEOUT_NS = 15_000_000_000
LINK_TOLERANCE = 0.05
JOIN_SHARE = 0.01
"""A live link within this share of a module's voltage is joined at once: 0.5 V over 10 mOhm are 50 A."""
LIVE_SHARE = 0.9
"""From this share of a module's voltage on, somebody else feeds the link."""

WELD_NS = 3_000_000_000
"""A link that nobody feeds loses a quarter of its voltage in so long (1000 Ohm, 10 mF); one behind a weld does not."""
WELD_SHARE = 0.01
"""What is on both sides of a contactor differs by less if it is closed."""
WELD_A = 2.0
WELD_CURRENT_NS = 200_000_000
"""foxBMS 2 v1.11, current on an open string: 100 ms of events, then 100 ms to the error state."""
_LIVE_V = 5.0


@dataclass(frozen=True)
class Behind:
    """What is measured around an open main contactor, ``[row]``."""

    link_V: FloatArray
    bar_V: FloatArray
    """Of the pack's bus bar, before the contactor."""
    current_A: FloatArray
    """Of the pack; NaN where nobody measures it."""
    alone: BoolArray
    """Whether no other pack feeds the link; else equal voltages on both sides say nothing."""


@dataclass(frozen=True)
class Welds:
    """Whether contactors that should be open are, ``[row]``.

    - Different voltages on both sides prove that a contactor has opened.
    - Equal and live for some seconds, while nobody else feeds the link, they say that it has welded.
    - So does a current through it.
    """

    apart: BoolArray
    """Proved open since it was commanded to be."""
    equal_ns: IntArray
    flowing_ns: IntArray
    welded: BoolArray

    @classmethod
    def initial(cls, rows: int) -> Welds:
        """Return contactors of which nothing is known."""
        no, never = np.zeros((2, rows), np.bool_), np.full((2, rows), NEVER, np.int64)
        return cls(no[0], never[0], never[1], no[1])

    def step(self, time_ns: IntArray, open_: BoolArray, behind: Behind) -> Welds:
        """Return what is known after a look; ``open_[row]``: commanded to be, and had time for it."""
        highest_V = np.maximum(behind.link_V, behind.bar_V)
        equal = np.abs(behind.link_V - behind.bar_V) <= np.maximum(WELD_SHARE * highest_V, 0.5)
        live = open_ & (highest_V >= _LIVE_V)
        apart = open_ & (self.apart | (live & ~equal))
        equal_ns = since(self.equal_ns, live & equal & ~apart & behind.alone, time_ns)
        flowing_ns = since(self.flowing_ns, open_ & (np.abs(behind.current_A) >= WELD_A), time_ns)
        shown = _for(equal_ns, time_ns, WELD_NS) | _for(flowing_ns, time_ns, WELD_CURRENT_NS)
        return Welds(apart, equal_ns, flowing_ns, self.welded | shown)

    @property
    def suspected(self) -> BoolArray:
        """Whether closing has to wait until it is clear that a contactor is open."""
        return self.welded | (self.equal_ns != NEVER)


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
    """Whether the link did not pre-charge."""
    tripped: BoolArray
    welds: Welds
    hurry: BoolArray
    """Whether it closes without waiting for anything, and stays so until a module has closed."""

    @classmethod
    def initial(cls, rows: int) -> Sequence:
        """Return open contactors."""
        started, failed, tripped, hurry = np.zeros((4, rows), np.bool_)
        never, since_ns = np.full(rows, NEVER, np.int64), np.zeros(rows, np.int64)
        return cls(np.zeros(rows, np.int8), since_ns, never, started, failed, tripped, Welds.initial(rows), hurry)

    @property
    def welded(self) -> BoolArray:
        """Whether the main contactor stays closed although it should be open."""
        return self.welds.welded

    def step(
        self,
        time_ns: IntArray,
        heard: BoolArray,
        closed: BoolArray,
        link_V: FloatArray,
        pack_V: FloatArray,
        trip: BoolArray | None = None,
        bar_V: FloatArray | None = None,
        current_A: FloatArray | None = None,
        alone: BoolArray | None = None,
    ) -> Sequence:
        """Return the state after a look at the modules (``heard``, ``closed``: ``[row, module]``) and the voltages.

        ``trip[row]``: open, whatever else. ``bar_V``, ``current_A``, ``alone``: see ``Behind``; without ``bar_V``
        nobody looks for welds, and without ``alone`` others may feed the link.
        """
        elapsed_ns = time_ns - self.since_ns
        no, unknown = np.zeros(len(time_ns), np.bool_), np.full(len(time_ns), np.nan)
        welds = self.welds
        if bar_V is not None:
            behind = Behind(link_V, bar_V, unknown if current_A is None else current_A, no if alone is None else alone)
            welds = welds.step(time_ns, (self.state == OPEN) & (elapsed_ns >= WELD_CURRENT_NS), behind)
        any_closed = closed.any(axis=1)
        started = self.started | heard.all(axis=1) | ((elapsed_ns >= GRACE_NS) & heard.any(axis=1))
        even = any_closed & (np.abs(link_V - pack_V) <= LINK_TOLERANCE * pack_V)
        even_ns = since(self.even_ns, even, time_ns)
        settled = _for(even_ns, time_ns, SETTLE_NS)
        late = (self.state == PRECHARGE) & ~settled & (elapsed_ns >= PRECHARGE_TIMEOUT_NS)
        failed = self.failed | late
        tripped = self.tripped if trip is None else self.tripped | trip
        may_close = np.where(self.state == OPEN, started & ~welds.suspected, settled)
        wanted = np.minimum(self.state + may_close, CLOSED)
        wanted[~any_closed] = OPEN
        wanted[self.hurry] = CLOSED
        wanted[failed | tripped | welds.welded] = OPEN
        since_ns = np.where(wanted != self.state, time_ns, self.since_ns)
        hurry = self.hurry & ~any_closed
        return Sequence(wanted, since_ns, even_ns, started | self.hurry, failed, tripped, welds, hurry)

    def cleared(self) -> Sequence:
        """Return the state after the command to clear what is latched: the sequence may begin again."""
        no = np.zeros(len(self.state), np.bool_)
        return replace(self, failed=no, tripped=no, welds=Welds.initial(len(self.state)))

    def hurried(self) -> Sequence:
        """Return the state of a controller that does not wait for modules, link and pre-charge before it closes."""
        return replace(self, hurry=np.ones(len(self.state), np.bool_))


@dataclass(frozen=True)
class PeerSequence:
    """Where each module's own sequence stands in a pack without a main contactor, ``[row]``."""

    state: NDArray[np.int8]
    since_ns: IntArray
    even_ns: IntArray
    """Since when the link is as high as the module, as far as it must be; -1 where it is not."""
    raises: BoolArray
    """Whether it is the one that pre-charges a dead link."""
    failed: BoolArray
    hurry: BoolArray

    @classmethod
    def initial(cls, rows: int) -> PeerSequence:
        """Return open contactors."""
        raises, failed, hurry = np.zeros((3, rows), np.bool_)
        never, since_ns = np.full(rows, NEVER, np.int64), np.zeros(rows, np.int64)
        return cls(np.zeros(rows, np.int8), since_ns, never, raises, failed, hurry)

    def step(
        self,
        time_ns: IntArray,
        ready: BoolArray,
        first: BoolArray,
        link_V: FloatArray,
        own_V: FloatArray,
        trip: BoolArray,
    ) -> PeerSequence:
        """Return the state after a look at the voltages.

        ``ready[row]``: in health and has listened; ``first[row]``: the lowest number of those that are ready, as far as
        it has heard; ``trip[row]``: open, whatever else, for as long as it is so.
        """
        apart = np.abs(link_V - own_V) / np.maximum(own_V, 1e-9)
        live = link_V >= LIVE_SHARE * own_V
        raises = np.where(self.state == OPEN, first & ~live, self.raises)
        even_ns = since(self.even_ns, apart <= np.where(raises, LINK_TOLERANCE, JOIN_SHARE), time_ns)
        settled = _for(even_ns, time_ns, SETTLE_NS)
        waits = self.state == PRECHARGE
        late = waits & raises & ~settled & (time_ns - self.since_ns >= PRECHARGE_TIMEOUT_NS)
        failed = self.failed | late
        joins = live & (apart <= JOIN_SHARE)
        begins = np.where(joins, CLOSED, np.where(live | raises, PRECHARGE, OPEN))
        wanted = np.where(self.state == OPEN, begins, np.where(waits & ~settled, PRECHARGE, CLOSED)).astype(np.int8)
        wanted[self.hurry] = CLOSED
        wanted[failed | trip | ~ready] = OPEN
        since_ns = np.where(wanted != self.state, time_ns, self.since_ns)
        return PeerSequence(wanted, since_ns, even_ns, raises, failed, self.hurry & (wanted != CLOSED))

    def cleared(self) -> PeerSequence:
        """Return the state after the command to clear what is latched: the sequence may begin again."""
        return replace(self, failed=np.zeros(len(self.state), np.bool_))

    def hurried(self) -> PeerSequence:
        """Return the state of a module that does not wait for the link before it closes."""
        return replace(self, hurry=np.ones(len(self.state), np.bool_))


def _for(since_ns: IntArray, time_ns: IntArray, least_ns: int) -> BoolArray:
    """Return where something has been so for long enough."""
    long_enough: BoolArray = (since_ns != NEVER) & (time_ns - since_ns >= least_ns)
    return long_enough
