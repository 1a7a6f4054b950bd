"""Profiles of prices that hold by the hour of the local clock."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.series import Series, shared
from twin.scenario.spread import Draws

_HOUR_NS = 3600 * 10**9


class Hours(Profile):
    """Base of the tariffs: 24 prices a day, each over the price of a flat hour; all sites pay the same."""

    @abstractmethod
    def day(self, day: date) -> Sequence[float]:
        """Return the prices of the 24 hours of a local day."""

    def series(self, window: Window, draws: Draws) -> Series:
        """Return the price over that of a flat hour, from the midnight before the run to the one after it."""
        first = window.start.date()
        days = (window.start + timedelta(microseconds=window.duration_ns // 1000)).date() - first
        prices = [price for day in range(days.days + 1) for price in self.day(first + timedelta(days=day))]
        knots_ns = np.arange(len(prices), dtype=np.int64) * _HOUR_NS - window.since_midnight_ns
        return shared(knots_ns, np.array(prices, dtype=np.float64), "hold", scale=np.ones(len(draws.sites)))
