"""BDEW standard load profiles of 2025: the German electricity industry's mean curve of a kind of customer.

Source: BDEW, Standardlastprofile Strom 2025, as shipped by demandlib (its tables h25, g25, l25 and dynamisation).
A standard profile is the mean of many hundred customers: no single home's peaks, and German habits, seasons and
weekdays (no holidays), read in the homes' local time.
"""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.series import Series, shared
from twin.scenario.spread import AnnualEnergy, Draws

if TYPE_CHECKING:
    import pandas as pd

_QUARTER_NS = 900 * 10**9
_W_PER_KWH_A_QUARTER = 4000.0


class Bdew(Profile):
    """Quarter-hourly means of a standard customer, scaled so that a calendar year sums up to ``annual_kWh``."""

    kind: Literal["bdew"] = "bdew"
    customer: Literal["H25", "G25", "L25"] = "H25"
    """H25 household, G25 business, L25 farm."""
    annual_kWh: AnnualEnergy = AnnualEnergy()

    def series(self, window: Window, draws: Draws) -> Series:
        """Return the load in W, positive when the home draws."""
        knots_ns, share = shares(self.customer, window)
        scale = draws.per_site(self.annual_kWh, "annual_kWh") * _W_PER_KWH_A_QUARTER
        return shared(knots_ns, share, "hold", scale=scale)


def shares(customer: str, window: Window) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the quarters of an hour that ``window`` touches, and the share of the year's energy used in each."""
    start = window.start.replace(tzinfo=None)
    last = start + timedelta(microseconds=window.duration_ns // 1000)
    years = range(start.year, last.year + 1)
    share = np.concatenate([_year(customer, year) for year in years])
    since_ns = round((start - datetime(start.year, 1, 1)) / timedelta(microseconds=1)) * 1000
    first, end = since_ns // _QUARTER_NS, (since_ns + window.duration_ns) // _QUARTER_NS + 1
    knots_ns = np.arange(first, end, dtype=np.int64) * _QUARTER_NS - since_ns
    return knots_ns, share[first:end]


def _year(customer: str, year: int) -> NDArray[np.float64]:
    """Return the share of a calendar year's energy that each quarter of an hour takes; their sum is 1."""
    with warnings.catch_warnings():
        # demandlib 0.2.2 uses keywords that pandas 3.1 deprecates.
        warnings.simplefilter("ignore")
        import pandas as pd
        from demandlib import bdew

        profile: pd.Series = getattr(bdew, customer)(
            pd.date_range(datetime(year, 1, 1), datetime(year + 1, 1, 1), freq="15min", inclusive="left")
        )
    energy = profile.to_numpy(dtype=np.float64)
    return energy / energy.sum()
