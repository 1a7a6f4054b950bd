"""A home with air conditioning in a hot and humid climate: what it uses all year, its cooling, and its unrest.

All year: the curve of BDEW's H25, for want of a published Chinese one that may be shipped; it is German. Cooling: a
third of the year's electricity, as in Hong Kong's homes of 1971 to 1996 (Lam 2000, Energy Conversion and Management
41(16):1757), spread over the days by degrees of the season's mean temperature above ``comfort_K``, and over the hours
as in southern Chinese cities (Zhu et al. 2023, Energy 265, of 1140 air conditioners): from 11 to 15 and from 21 to 1
o'clock, 29 to 38 % (here 33.5 %) more than in other hours. Unrest: homes switch things on and off; the
length of a vector of three Ornstein-Uhlenbeck processes with a damping of 0.01558 / s (Anvari et al. 2020,
arXiv:2009.09287, NOVAREF homes in Germany), here as a factor with mean 1, where they add it to the trend.
Left out: weather, weekdays of cooling, and the kettle that takes 2 kW for three minutes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from twin.quantity import Kelvin
from twin.scenario.profiles.load.bdew import shares
from twin.scenario.profiles.normals import Place, normals, seasonal
from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.series import Series
from twin.scenario.spread import AnnualEnergy, Draws
from twin.streams import stream

FloatArray = NDArray[np.float64]

_MINUTE_NS = 60 * 10**9
_QUARTER_NS = 900 * 10**9
_W_PER_KWH_AN_HOUR = 1000.0
_COOLING_HOURS = np.where(np.isin(np.arange(24), (11, 12, 13, 14, 21, 22, 23, 0)), 1.335, 1.0)
"""When air conditioners run, one number an hour of the day."""
DAMPING_PER_S = 0.01558


class Household(Profile):
    """Homes of one kind in one climate; they differ in size, and each has its own unrest."""

    kind: Literal["household"] = "household"
    place: Place = "guangzhou"
    annual_kWh: AnnualEnergy = AnnualEnergy()
    cooling_share: Annotated[float, Field(ge=0, le=1)] = 0.333
    """Of the year's energy."""
    comfort_K: Annotated[Kelvin, Field(ge=285, le=310)] = 297.15
    """Mean temperature of a day above which homes are cooled; assumed."""
    unrest: bool = True
    """Whether homes differ from minute to minute; a mean of many does not."""

    def series(self, window: Window, draws: Draws) -> Series:
        """Return the load in W, positive when the home draws."""
        knots_ns = np.arange(-(-window.duration_ns // _MINUTE_NS) + 1, dtype=np.int64) * _MINUTE_NS
        trend = (1.0 - self.cooling_share) * _all_year(window, knots_ns) + self.cooling_share * self._cooling(
            window, knots_ns
        )
        values = trend[:, None] * _unrest(draws, len(knots_ns)) if self.unrest else trend
        scale = draws.per_site(self.annual_kWh, "annual_kWh")
        return Series(knots_ns, values, scale, np.zeros(len(scale)), "hold")

    def _cooling(self, window: Window, knots_ns: NDArray[np.int64]) -> FloatArray:
        """Return W for each kWh of cooling a year, at the knots."""
        hours = (window.since_midnight_ns + knots_ns) // (60 * _MINUTE_NS)
        first = window.start.date()
        days = [first + timedelta(days=day) for day in range(int(hours[-1]) // 24 + 1)]
        degrees = np.array([self._degrees(day) for day in days])
        year = {year: sum(self._degrees(day) for day in _days(year)) for year in {day.year for day in days}}
        share = degrees / np.array([max(year[day.year], 1e-9) for day in days])
        of_hour = _COOLING_HOURS / _COOLING_HOURS.sum()
        return _W_PER_KWH_AN_HOUR * share[hours // 24] * of_hour[hours % 24]

    def _degrees(self, day: date) -> float:
        """Return how far a mean day of that season is above comfort."""
        months, noon = normals(self.place), datetime(day.year, day.month, day.day, 12)
        mean_K = 0.5 * (seasonal(months.coolest_K, noon) + seasonal(months.warmest_K, noon))
        return max(mean_K - self.comfort_K, 0.0)


def _days(year: int) -> Iterator[date]:
    first = date(year, 1, 1)
    return (first + timedelta(days=day) for day in range((date(year + 1, 1, 1) - first).days))


def _all_year(window: Window, knots_ns: NDArray[np.int64]) -> FloatArray:
    """Return W for each kWh a year of what is used all year, at the knots."""
    quarters_ns, share = shares("H25", window)
    quarter = np.searchsorted(quarters_ns, knots_ns, side="right") - 1
    return share[quarter] * _W_PER_KWH_AN_HOUR * (60 * _MINUTE_NS / _QUARTER_NS)


def _unrest(draws: Draws, knots: int) -> FloatArray:
    """Return each home's load over the mean home's, ``[n, S]``, with mean 1, from minute to minute."""
    normal = [stream(draws.seed, "site", site, "unrest").standard_normal((knots, 3)) for site in draws.sites]
    noise = np.stack(normal, axis=1)
    keep = math.exp(-DAMPING_PER_S * 60.0)
    renew = math.sqrt(1.0 - keep * keep)
    vector = noise[0].copy()
    lengths = np.empty((knots, len(draws.sites)))
    for index in range(knots):
        if index:
            vector = keep * vector + renew * noise[index]
        lengths[index] = np.sqrt(vector[:, 0] ** 2 + vector[:, 1] ** 2 + vector[:, 2] ** 2)
    # The mean length of a vector of three independent standard normals.
    return lengths / math.sqrt(8.0 / math.pi)
