"""What has become of each site in a campaign, and how many of each group have come to which end."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from twin.ota.causes import Cause

IntArray = NDArray[np.int64]


class Outcome(IntEnum):
    """Where a site's update stands, in the eyes of the server that counts."""

    HELD = 0
    """Part of the campaign, and not told anything yet."""
    OPEN = 1
    """Told to install the release; nothing final is known."""
    FINISHED = 2
    FAILED = 3
    REJECTED = 4
    """The site would not take it: what it was offered, or the state that it was in, ruled it out."""
    TIMED_OUT = 5
    """Begun, and not ended within the time that the policy gives."""
    CANCELLED = 6
    DELETED = 7
    """Taken out of the campaign; counts nowhere."""


ERRORS = (Outcome.FAILED, Outcome.REJECTED, Outcome.TIMED_OUT)
REFUSALS = frozenset(
    {
        Cause.METADATA_REFUSED,
        Cause.IMAGE_REFUSED,
        Cause.DEPENDENCY_UNMET,
        Cause.STORAGE_FULL,
        Cause.CONDITIONS_UNMET,
        Cause.WINDOW_CLOSED,
    }
)
"""Causes for which a device rejects an update; of all others it fails."""


class Tally:
    """Counts of outcomes: ``counts[group, outcome]``."""

    def __init__(self, counts: IntArray) -> None:
        self.counts = counts

    def of(self, group: int, *outcomes: Outcome) -> int:
        """Return how many sites of ``group`` have one of ``outcomes``."""
        return sum(int(self.counts[group, outcome]) for outcome in outcomes)

    def fleet(self, *outcomes: Outcome) -> int:
        """Return how many sites of the campaign have one of ``outcomes``."""
        return sum(int(self.counts[:, outcome].sum()) for outcome in outcomes)

    def total(self, group: int) -> int:
        """Return the size of ``group`` without the sites that were taken out."""
        return int(self.counts[group].sum() - self.counts[group, Outcome.DELETED])

    def complete(self, group: int) -> bool:
        """Return whether all that ``group`` has have come to an end."""
        return self.of(group, Outcome.HELD, Outcome.OPEN) == 0


class Ledger:
    """The outcome of every site: ``outcome[site]``, ``group[site]`` (-1: not in the campaign) and their tally."""

    def __init__(self, group: IntArray, groups: int) -> None:
        self.group = group
        self.outcome = np.full(len(group), Outcome.HELD, np.int8)
        self.tally = Tally(np.zeros((groups, len(Outcome)), np.int64))
        self.tally.counts[:, Outcome.HELD] = np.bincount(group[group >= 0], minlength=groups)

    def put(self, site: int, outcome: Outcome) -> None:
        """Enter what has become of one site."""
        counts, group = self.tally.counts, self.group[site]
        counts[group, self.outcome[site]] -= 1
        counts[group, outcome] += 1
        self.outcome[site] = outcome

    def sites(self, *outcomes: Outcome) -> IntArray:
        """Return the sites of the campaign that have one of ``outcomes``."""
        return np.flatnonzero(np.isin(self.outcome, outcomes) & (self.group >= 0))

    def is_one_of(self, site: int, outcomes: Sequence[Outcome]) -> bool:
        """Return whether a site of the campaign has one of ``outcomes``."""
        return bool(self.group[site] >= 0) and int(self.outcome[site]) in outcomes
