"""The lines between sites and update server: bandwidths, outages, and downloads in closed form."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from twin.ota.client.options import Wan, nanoseconds
from twin.ota.effects import WanLoss
from twin.streams import stream

IntArray = NDArray[np.int64]
Span = tuple[int, int]
DAY_NS = 86400 * 10**9
BLOCK = 64
"""Outages that are drawn at once."""
NEVER = 2**63 - 1


class Lines:
    """The line of every site; a site's outages come from a stream of its own, and are known up to ``until_ns``.

    A download has the whole bandwidth of its site, except that of each connection the first ``latency_s`` brings
    nothing. What has come before an outage is kept. That many sites share a server's own bandwidth is left out.
    """

    def __init__(
        self, options: Wan, seed: int, sites: Sequence[int], until_ns: int, losses: Iterable[WanLoss] = ()
    ) -> None:
        stated: dict[int, list[Span]] = defaultdict(list)
        for loss in losses:
            stated[loss.site].append((loss.time_ns, loss.end_ns))
        drawn = [_drawn(options, seed, site, until_ns) for site in sites]
        spans = [merged([*drawn[row], *stated[row]]) for row in range(len(drawn))]
        self._first = np.concatenate([[0], np.cumsum([len(of_site) for of_site in spans])]).astype(np.int64)
        flat = np.array([span for of_site in spans for span in of_site], np.int64).reshape(-1, 2)
        # One more at the end, that never comes, so that a cursor may stand behind the last site's last.
        self._begins_ns = np.append(flat[:, 0], NEVER)
        self._ends_ns = np.append(flat[:, 1], NEVER)
        self._cursor = self._first[:-1].copy()
        self.rate_bit_s = np.array([_bandwidth_bit_s(options, seed, site) for site in sites])
        self._latency_ns = nanoseconds(options.latency_s)

    def up(self, rows: IntArray, time_ns: IntArray) -> NDArray[np.bool_]:
        """Return whether the lines of ``rows`` work at ``time_ns``, one for each; a row's times must not fall."""
        cursor, last = self._cursor[rows], self._first[rows + 1]
        while (passed := (cursor < last) & (self._ends_ns[cursor] <= time_ns)).any():
            cursor += passed
        self._cursor[rows] = cursor
        return ~((cursor < last) & (self._begins_ns[cursor] <= time_ns))

    def up_from_ns(self, row: int, time_ns: int) -> int:
        """Return the first instant from ``time_ns`` on at which the line works; ``NEVER`` if none."""
        for begin_ns, end_ns in self._outages(row, time_ns):
            return end_ns if begin_ns <= time_ns else time_ns
        return time_ns

    def finish_ns(self, row: int, start_ns: int, size_bytes: int, ceiling_bit_s: float) -> int:
        """Return when ``size_bytes`` have come that are asked for at ``start_ns``; ``NEVER`` if they never do."""
        rate_bit_s = min(float(self.rate_bit_s[row]), ceiling_bit_s)
        if rate_bit_s <= 0:
            return NEVER
        needed_ns = -int(-size_bytes * 8e9 // rate_bit_s)
        for begin_ns, end_ns in self._connected(row, start_ns):
            first_ns = begin_ns + self._latency_ns
            if first_ns + needed_ns <= end_ns:
                return first_ns + needed_ns
            needed_ns -= max(end_ns - first_ns, 0)
        return NEVER

    def received_bytes(self, row: int, start_ns: int, time_ns: int, ceiling_bit_s: float) -> int:
        """Return how much of a download has come at ``time_ns``."""
        open_ns = 0
        for begin_ns, end_ns in self._connected(row, start_ns):
            if begin_ns >= time_ns:
                break
            open_ns += max(min(end_ns, time_ns) - begin_ns - self._latency_ns, 0)
        return int(open_ns * min(float(self.rate_bit_s[row]), ceiling_bit_s) / 8e9)

    def outages(self, row: int) -> list[Span]:
        """Return a site's outages, drawn and stated, in the order of time."""
        return list(self._outages(row, -1))

    def _connected(self, row: int, start_ns: int) -> Iterator[Span]:
        """Yield the spans in which the line works from ``start_ns`` on."""
        for begin_ns, end_ns in self._outages(row, start_ns):
            if begin_ns > start_ns:
                yield start_ns, begin_ns
            start_ns = end_ns
        if start_ns < NEVER:
            yield start_ns, NEVER

    def _outages(self, row: int, time_ns: int) -> Iterator[Span]:
        """Yield a site's outages that end after ``time_ns``."""
        own = slice(self._first[row], self._first[row + 1])
        skipped = int(np.searchsorted(self._ends_ns[own], time_ns, side="right"))
        for begin_ns, end_ns in zip(self._begins_ns[own][skipped:], self._ends_ns[own][skipped:], strict=True):
            yield int(begin_ns), int(end_ns)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the union of spans as spans that neither overlap nor touch, in the order of time."""
    union: list[Span] = []
    for begin_ns, end_ns in sorted(spans):
        if union and begin_ns <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end_ns))
        else:
            union.append((begin_ns, end_ns))
    return union


def _bandwidth_bit_s(options: Wan, seed: int, site: int) -> float:
    normal = stream(seed, "site", site, "wan bandwidth").standard_normal() if options.bandwidth_spread else 0.0
    return float(options.bandwidth_bit_s * np.exp(options.bandwidth_spread * normal))


def _drawn(options: Wan, seed: int, site: int, until_ns: int) -> list[Span]:
    """Return the outages that begin before ``until_ns``; those of a longer run begin with those of a shorter one."""
    if options.outages_per_day == 0:
        return []
    draws = stream(seed, "site", site, "wan outages")
    means_ns = np.array([DAY_NS / options.outages_per_day, nanoseconds(options.outage_s)])
    spans: list[Span] = []
    time_ns = 0
    while True:
        for gap_ns, lasts_ns in np.rint(draws.standard_exponential((BLOCK, 2)) * means_ns).astype(np.int64).tolist():
            time_ns += gap_ns
            if time_ns >= until_ns:
                return spans
            spans.append((time_ns, time_ns + lasts_ns))
            time_ns += lasts_ns
