"""Stretches of time by site: how many there are at an instant, and how far they overlap with rows of a log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twin.analysis.thinning import Floats


@dataclass(frozen=True, eq=False)
class Spans:
    """Stretches ``[begin_s[n], end_s[n])`` at ``site[n]``, a number of the run."""

    site: npt.NDArray[np.int64]
    begin_s: Floats
    end_s: Floats

    def __len__(self) -> int:
        return len(self.site)

    def where(self, mask: npt.NDArray[np.bool_]) -> Spans:
        """Return some of them."""
        return Spans(self.site[mask], self.begin_s[mask], self.end_s[mask])

    @property
    def merged(self) -> Spans:
        """The same times without overlaps: by site, in the order of time."""
        order = np.lexsort((self.begin_s, self.site))
        site, begin_s, end_s = self.site[order], self.begin_s[order], self.end_s[order]
        if not len(order):
            return self
        # Ends grow monotonically within a site once each site has a stretch of the axis for itself.
        shift_s = (np.searchsorted(np.unique(site), site)) * (1.0 + end_s.max())
        reached_s = np.maximum.accumulate(end_s + shift_s)
        first = np.append(True, (begin_s + shift_s)[1:] > reached_s[:-1])
        last = np.append(first[1:], True)
        return Spans(site[first], begin_s[first], (reached_s - shift_s)[last])

    def count(self, time_s: Floats) -> npt.NDArray[np.int64]:
        """Return how many hold at each instant of ``time_s``, which grow."""
        begun = np.searchsorted(np.sort(self.begin_s), time_s, side="right")
        return np.asarray(begun - np.searchsorted(np.sort(self.end_s), time_s, side="right"), np.int64)

    def total_s(self, sites: npt.NDArray[np.int64]) -> Floats:
        """Return their length by site, where they overlap counted once."""
        one = self.merged
        place = np.searchsorted(sites, one.site)
        return np.bincount(place, one.end_s - one.begin_s, minlength=len(sites)).astype(np.float64)

    def covers(self, site: int, time_s: float) -> bool:
        """Say whether one of them holds at a site just then."""
        return bool(((self.site == site) & (self.begin_s <= time_s) & (time_s < self.end_s)).any())

    def overlap_s(self, sites: npt.NDArray[np.int64], time_s: Floats) -> Floats:
        """Return ``[site, row]`` how much of each row they take; a row lasts from the one before, the first from 0."""
        found = np.zeros((len(sites), len(time_s)))
        one = self.merged
        place = {int(site): row for row, site in enumerate(sites)}
        edges_s = np.append(0.0, time_s)
        for site, begin_s, end_s in zip(one.site.tolist(), one.begin_s, one.end_s, strict=True):
            if site in place and len(time_s):
                first, last = np.searchsorted(time_s, [begin_s, end_s])
                rows = slice(int(first), int(last) + 1)
                low_s = np.maximum(edges_s[:-1][rows], begin_s)
                found[place[site], rows] += np.clip(np.minimum(edges_s[1:][rows], end_s) - low_s, 0.0, None)
        return found


def within(spans: Iterable[tuple[float, float]], begin_s: float, end_s: float) -> Iterator[tuple[float, float]]:
    """Yield what of some stretches lies between two instants."""
    for one, other in spans:
        low_s, high_s = max(one, begin_s), min(other, end_s)
        if low_s < high_s:
            yield low_s, high_s
