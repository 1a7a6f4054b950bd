"""Maintenance windows: when a site's people let it update, by its own local time.

Offsets from UTC are fixed: a run of days has no daylight saving.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Literal, get_args

import numpy as np
from pydantic import Field, model_validator

from twin.options import Options
from twin.ota.campaign.outcomes import IntArray
from twin.streams import stream

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
DAY_NS = 86_400_000_000_000
WEEK_NS = 7 * DAY_NS
HOUR_NS = DAY_NS // 24


class TimeZone(Options):
    """A time zone in which some of the sites are: stated sites, or a share of those that are not stated."""

    utc_offset_h: Annotated[float, Field(ge=-12, le=14)]
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    sites: list[int] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> TimeZone:
        if (self.share is None) == (self.sites is None):
            raise ValueError("expected either the share of sites in this time zone, or the sites")
        return self


class MaintenanceWindow(Options):
    """When updates may begin: from one local time of day to another, past midnight where it closes earlier."""

    opens: time
    closes: time
    days: Annotated[list[Day], Field(default_factory=lambda: list(DAYS), min_length=1)]
    """On which it opens."""

    @model_validator(mode="after")
    def _is_not_empty(self) -> MaintenanceWindow:
        if self.opens == self.closes:
            raise ValueError(f"the window opens and closes at {self.opens:%H:%M}: it has no length")
        if self.opens.tzinfo or self.closes.tzinfo:
            raise ValueError("expected local times without a time zone; zones are stated in time_zones")
        return self

    @property
    def duration_ns(self) -> int:
        """How long it is open."""
        return (_of_day_ns(self.closes) - _of_day_ns(self.opens)) % DAY_NS


class Windows:
    """The windows of all sites; ``offset_ns[site]`` is local time minus UTC. The same wherever it is made."""

    def __init__(
        self, window: MaintenanceWindow | None, zones: list[TimeZone], sites: int, seed: int, start: datetime
    ) -> None:
        self.window = window
        own = start.utcoffset()
        own_ns = round(own.total_seconds() * 1e9) if own is not None else 0
        self.offset_ns = _offsets_ns(zones, sites, seed, own_ns)
        monday_ns = start.weekday() * DAY_NS + _of_day_ns(start.time())
        self._start_ns = monday_ns - own_ns
        """Of the run, in the week of UTC (which may have begun a little earlier or later than the local one)."""
        self._begins_ns, self._ends_ns = _week(window) if window else (np.zeros(0, np.int64),) * 2

    def opens_ns(self, site: int, clock_ns: int) -> int:
        """Return the first instant from ``clock_ns`` on at which ``site`` is in its window, by its own clock."""
        return int(self.next_open_ns(np.array([site]), np.array([clock_ns]))[0])

    def next_open_ns(self, sites: IntArray, clock_ns: IntArray) -> IntArray:
        """Return the same for many sites, each with a clock of its own."""
        if self.window is None:
            return clock_ns.astype(np.int64)
        week_ns = (clock_ns + self._start_ns + self.offset_ns[sites]) % WEEK_NS
        # The first window that has not closed yet; there is one, for the week is written down twice.
        window = np.searchsorted(self._ends_ns, week_ns, "right")
        return np.asarray(clock_ns + np.maximum(self._begins_ns[window] - week_ns, 0), np.int64)


def _week(window: MaintenanceWindow) -> tuple[IntArray, IntArray]:
    """Return begins and ends of a window's openings in two weeks, and of the one that the first week began in."""
    first = _of_day_ns(window.opens)
    days = sorted({DAYS.index(day) for day in window.days})
    begins = np.array([week * WEEK_NS + day * DAY_NS + first for week in (-1, 0, 1) for day in days], np.int64)
    return begins, begins + window.duration_ns


def _of_day_ns(local: time) -> int:
    seconds = (local.hour * 60 + local.minute) * 60 + local.second
    return seconds * 1_000_000_000 + local.microsecond * 1000


def _offsets_ns(zones: list[TimeZone], sites: int, seed: int, own_ns: int) -> IntArray:
    """Return each site's offset: as stated, or drawn, or that of the run's start for the share that is left over."""
    found = np.full(sites, own_ns, np.int64)
    drawn = [(zone.share, round(zone.utc_offset_h * HOUR_NS)) for zone in zones if zone.share is not None]
    if drawn:
        edges = np.cumsum([share for share, _ in drawn])
        offsets = np.array([offset for _, offset in drawn] + [own_ns], np.int64)
        draws = [stream(seed, "site", site, "time_zone").random() for site in range(sites)]
        # Shares that add up to 1 but for rounding leave nothing over.
        edges[-1] = np.inf if edges[-1] > 1.0 - 1e-9 else edges[-1]
        found = offsets[np.searchsorted(edges, draws, "right")]
    for zone in zones:
        if zone.sites is not None:
            inside = [site for site in zone.sites if 0 <= site < sites]
            found[inside] = round(zone.utc_offset_h * HOUR_NS)
    return found
