"""Isolations for nothing."""

from __future__ import annotations

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample

APART_NS = 10_000_000_000
"""Openings of one site that follow each other within this are one isolation: four modules that trip together, say."""


class FalseIsolations(Metric):
    """Isolations at a site at which no hazardous fault had begun.

    Formula: number of groups of contactor openings of the site, less than 10 s apart, before its first hazardous
    fault; openings of a module that the truth says was taken out by hand do not count.

    Source: spurious trips, as IEC 61511-1 calls them, counted.
    """

    title = "False isolations"
    unit = "1"
    group = "isolation"
    order = 25
    better = "lower"
    floor = 0.02
    needs = ("truth", "contactors")

    def measure(self, run: Evidence) -> Sample:
        """Return the number of each site."""
        keys = tuple(Key(site) for site in run.sites)
        return Sample(keys, np.array([float(_count(run, site)) for site in run.sites]))


def _count(run: Evidence, site: int) -> int:
    begins = [fault.start_ns for fault in run.hazards if fault.site == site]
    until_ns = min(begins, default=run.end_ns + 1)
    times = [one.time_ns for one in run.contactors.openings(site) if one.time_ns < until_ns]
    times = [time_ns for time_ns in times if not _by_hand(run, site, time_ns)]
    return sum(1 for before, time_ns in zip([-(2**62), *times], times, strict=False) if time_ns - before >= APART_NS)


def _by_hand(run: Evidence, site: int, time_ns: int) -> bool:
    """Say whether somebody was replacing a module just then."""
    return any(
        fault.kind in HANDS_ON
        and fault.site == site
        and fault.start_ns - APART_NS <= time_ns <= fault.start_ns + APART_NS
        for fault in run.faults
    )


HANDS_ON = frozenset({"module_swap", "replacement", "hot_swap"})
"""Kinds of faults in which a person takes a module out of a running system."""
