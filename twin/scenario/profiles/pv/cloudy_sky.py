"""PV under clouds that come and go: a Markov chain of two states, bright and clouded, for each roof.

Chain: Munkhammar and Widen 2018 (Solar Energy 170:174), with one value a state. Bright is the cloudless
sky; clouded is a third of it, so that the mean is Angstrom's relation with the coefficients of FAO-56 (Allen et al.
1998, eq. 35: ``0.25 + 0.50 n/N`` of the extraterrestrial radiation, 0.75 where nothing is clouded). The share of bright
time is the sunshine of the place's climate normals over the length of the day. A cloud lasts 1000 s in the mean: 10 km
(the size of a thunderstorm, Stull, *Practical Meteorology*, 6.6) at an assumed 10 m/s; spells are exponential, as
chord lengths of broken cloud fields are (Alexandrov et al. 2010, doi:10.1175/2010JAS3365.1).
Left out: days that are overcast as a whole, clouds that several roofs share, thin clouds, and brightening at edges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from twin.quantity import Seconds
from twin.scenario.profiles.normals import Place, normals, seasonal
from twin.scenario.profiles.profile import Window
from twin.scenario.profiles.roof import Roof
from twin.scenario.series import Series
from twin.scenario.spread import Draws
from twin.streams import stream

CLOUDED = 0.25 / 0.75
"""Power under a cloud over that of the cloudless sky."""
_LEAST, _MOST = 0.01, 0.99
"""Between these shares of bright time both states have a length."""


class CloudySky(Roof):
    """A fixed array on each roof, each under clouds of its own."""

    kind: Literal["cloudy_sky"] = "cloudy_sky"
    place: Place = "guangzhou"
    """Whose hours of sunshine hold; position and height are stated apart."""
    sunshine: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of the day that is bright, where it is not to be that of the season."""
    cloud_s: Annotated[Seconds, Field(ge=10, le=1e5)] = 1000.0
    """Mean time under a cloud."""
    cloud_period_s: Annotated[Seconds, Field(ge=1, le=3600)] = 60.0
    """From knot to knot of the curve; a cloud's edge takes as long to pass."""

    def series(self, window: Window, draws: Draws) -> Series:
        """Return the power at the inverter's AC side in W."""
        sky_ns, cloudless = self.cloudless(window, draws)
        period_ns = round(self.cloud_period_s * 1e9)
        knots_ns = np.arange(-(-window.duration_ns // period_ns) + 1, dtype=np.int64) * period_ns
        values = np.empty((len(knots_ns), len(draws.sites)))
        for row, site in enumerate(draws.sites):
            clear = np.interp(knots_ns, sky_ns, cloudless[:, row])
            values[:, row] = clear * self._index(window, stream(draws.seed, "site", site, "clouds"), knots_ns)
        peaks_W = self.peaks_W(draws)
        return Series(knots_ns, values, peaks_W, np.zeros(len(peaks_W)), "linear")

    def _index(self, window: Window, random: np.random.Generator, knots_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the clear-sky index at the knots."""
        spells = list(self._spells(random, lambda time_s: self._bright(window.start, time_s), knots_ns[-1] * 1e-9))
        begins_ns = np.array([round(begin_s * 1e9) for begin_s, _ in spells], dtype=np.int64)
        bright = np.array([bright for _, bright in spells])
        return np.where(bright[np.searchsorted(begins_ns, knots_ns, side="right") - 1], 1.0, CLOUDED)

    def _spells(
        self, random: np.random.Generator, share: Callable[[float], float], end_s: float
    ) -> Iterator[tuple[float, bool]]:
        """Yield when each spell begins, and whether it is bright; the first is of the chain's steady state."""
        time_s, bright = 0.0, bool(random.random() < share(0.0))
        while time_s <= end_s:
            yield time_s, bright
            odds = share(time_s) / (1.0 - share(time_s))
            time_s += float(random.standard_exponential()) * self.cloud_s * (odds if bright else 1.0)
            bright = not bright

    def _bright(self, start: datetime, time_s: float) -> float:
        """Return the share of the day that is bright at that time of the year."""
        local = start + timedelta(seconds=time_s)
        share = self.sunshine
        if share is None:
            share = seasonal(normals(self.place).sunshine_h, local) / day_length_h(self.latitude_deg, local)
        return min(max(share, _LEAST), _MOST)


def day_length_h(latitude_deg: float, local: datetime) -> float:
    """Return the time from sunrise to sunset in hours; declination by Cooper 1969 (Solar Energy 12:333)."""
    declination = math.radians(23.45) * math.sin(2.0 * math.pi * (284 + local.timetuple().tm_yday) / 365.0)
    cosine = -math.tan(math.radians(latitude_deg)) * math.tan(declination)
    return 24.0 / math.pi * math.acos(min(max(cosine, -1.0), 1.0 - 1e-6))
