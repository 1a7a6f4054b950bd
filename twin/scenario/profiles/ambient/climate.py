"""The air of a mean day of the season at a place: a cosine between the day's lowest and highest temperature.

Lowest and highest come from the place's climate normals (``data/profiles/climate/``), date and hour from the
scenario's start. Left out: weather (every day is a mean one), and the asymmetry of real days.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from twin.scenario.profiles.normals import Place, normals, seasonal
from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.series import Series, shared
from twin.scenario.spread import Draws, TemperatureOffset

_KNOT_S = 300


class Climate(Profile):
    """The season's mean day; ``offset_K`` makes cabinets in the sun and cellars of it."""

    kind: Literal["climate"] = "climate"
    place: Place = "guangzhou"
    warmest_hour: Annotated[float, Field(ge=0, lt=24)] = 15.0
    """Local time at which it is warmest, in hours."""
    offset_K: TemperatureOffset = TemperatureOffset()

    def series(self, window: Window, draws: Draws) -> Series:
        """Return the ambient temperature in K."""
        months = normals(self.place)
        last = -(-window.duration_ns // (_KNOT_S * 10**9))
        values = np.empty(last + 1)
        for index in range(last + 1):
            local = window.start + timedelta(seconds=index * _KNOT_S)
            coolest_K, warmest_K = seasonal(months.coolest_K, local), seasonal(months.warmest_K, local)
            hour = local.hour + local.minute / 60.0 + local.second / 3600.0
            swing = math.cos(2.0 * math.pi * (hour - self.warmest_hour) / 24.0)
            values[index] = 0.5 * (coolest_K + warmest_K) + 0.5 * (warmest_K - coolest_K) * swing
        knots_ns = np.arange(last + 1, dtype=np.int64) * _KNOT_S * 10**9
        return shared(knots_ns, values, "linear", offset=draws.per_site(self.offset_K, "ambient"))
