"""Which role goes first, so that few and cheap batches serve all sites.

Sites want their ECUs' roles in orders of their own; a sequence of batches serves them all if it has each site's order
in it: a shortest common supersequence, weighted by the work of a batch. To find the best is NP-hard; a beam search
comes within a few per cent (C. Blum, C. Cotta, A. Fernandez, J. Gallardo, EvoCOP 2007, LNCS 4446).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

BEAM = 16
BEAM_TURNS = 10_000
"""Beginnings that are pursued at once, and turns in all of them: large fleets are planned with a narrower beam."""


def batch_order(role: IntArray, work: IntArray) -> tuple[int, ...]:
    """Return roles in an order that has every row of ``role[site, turn]`` in it; the last turn of each is -1, nobody's.

    ``work[role]`` is what a batch of the role costs, however many sites it serves.
    """
    width = min(max(BEAM_TURNS // max(role.size, 1), 1), BEAM)
    every, roles = np.arange(len(role)), np.arange(len(work))
    total = work[role[role >= 0]].sum()
    begun: list[tuple[int, ...]] = [()]
    turn, spent, served = np.zeros((1, len(role)), np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64)
    best, least = (), np.iinfo(np.int64).max
    while begun:
        waits = role[every, turn][:, None] == roles[:, None]  # [beginning, role, site]
        sites = waits.sum(axis=2)
        old, chosen = sites.nonzero()
        cost, done = spent[old] + work[chosen], served[old] + sites[old, chosen] * work[chosen]
        for end in np.flatnonzero((done == total) & (cost < least)):
            if cost[end] < least:
                best, least = (*begun[old[end]], int(chosen[end])), cost[end]
        going = np.flatnonzero((done < total) & (cost < least))
        going = going[(cost[going] / done[going]).argsort(kind="stable")]
        reached = turn[old[going]] + waits[old[going], chosen[going]]
        first = _distinct(reached)[:width]
        going, turn = going[first], reached[first]
        spent, served = cost[going], done[going]
        begun = [(*begun[old[one]], int(chosen[one])) for one in going]
    return best


def _distinct(rows: IntArray) -> IntArray:
    """Return where rows stand for the first time."""
    seen = {row.tobytes(): place for place, row in reversed([*enumerate(rows)])}
    return np.array(sorted(seen.values()), np.int64)
