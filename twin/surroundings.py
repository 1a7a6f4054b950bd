"""What the outside world asks of the sites of a fleet, and does to them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.dispatch.dispatch import FloatArray, Seen
from twin.scenario import Fleet

_HOUR_NS = 3600 * 10**9


class Surroundings:
    """What the outside world asks of each site and does to it, ``[site]`` each.

    ``price`` is that over the one of a flat hour.
    """

    load_W: FloatArray
    pv_W: FloatArray
    ambient_K: FloatArray
    price: FloatArray
    frequency_Hz: FloatArray
    schedule_W: FloatArray

    def __init__(self, fleet: Fleet, since_midnight_ns: int) -> None:
        self._fleet = fleet
        self._since_midnight_ns = since_midnight_ns
        self._day, self._of_day = -1, np.ones(24)
        self.sample(0)

    def sample(self, time_ns: int, rows: NDArray[np.int64] | None = None) -> None:
        """Take the profiles' values at this instant, of the sites ``rows`` (None: all)."""
        fleet = self._fleet
        now = {
            "load_W": fleet.load,
            "pv_W": fleet.pv,
            "ambient_K": fleet.ambient,
            "price": fleet.tariff,
            "frequency_Hz": fleet.frequency,
            "schedule_W": fleet.schedule,
        }
        for name, series in now.items():
            if rows is None:
                setattr(self, name, series.at(time_ns))
            else:
                getattr(self, name)[rows] = series.at(time_ns)[rows]
        self._local_ns = self._since_midnight_ns + time_ns

    def seen(self, soc: FloatArray) -> Seen:
        """Return what the sites' energy management sees, given the ``soc[site]`` that it was told."""
        day, of_day_ns = divmod(self._local_ns, 24 * _HOUR_NS)
        return Seen(
            self.load_W,
            self.pv_W,
            self.schedule_W,
            self.frequency_Hz,
            self._prices(day),
            of_day_ns / _HOUR_NS,
            soc,
        )

    def _prices(self, day: int) -> FloatArray:
        """Return the prices of the hours of a local day, ``[24]``; they are the same at all sites."""
        if day != self._day:
            midnight_ns = day * 24 * _HOUR_NS - self._since_midnight_ns
            self._day = day
            self._of_day = np.array([self._fleet.tariff.at(midnight_ns + hour * _HOUR_NS)[0] for hour in range(24)])
        return self._of_day
