"""A day's temperature as a cosine between its highest and its lowest value.

The default is a mean June day of Guangzhou: 24 degC at its coolest, 31 degC at its warmest (monthly means of daily
minima and maxima, see data/SOURCES.md), warmest at 15:00. Left out: seasons, weather, the asymmetry of real days.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from twin.quantity import KelvinDifference
from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.series import Series, shared
from twin.scenario.spread import Draws, Temperature

_KNOT_NS = 300 * 10**9
_HOUR_S = 3600.0


class Daily(Profile):
    """``mean_K + amplitude_K * cos(2 pi (local hour - warmest_hour) / 24)``."""

    kind: Literal["daily"] = "daily"
    mean_K: Temperature = Temperature(mean=300.65)
    amplitude_K: Annotated[KelvinDifference, Field(ge=0, le=40)] = 3.5
    warmest_hour: Annotated[float, Field(ge=0, lt=24)] = 15.0
    """Local time at which it is warmest, in hours."""

    def series(self, window: Window, draws: Draws) -> Series:
        """Return the ambient temperature in K."""
        knots_ns = np.arange(-(-window.duration_ns // _KNOT_NS) + 1, dtype=np.int64) * _KNOT_NS
        start = window.start
        start_hour = start.hour + (start.minute * 60.0 + start.second + start.microsecond * 1e-6) / _HOUR_S
        hours = start_hour + knots_ns * 1e-9 / _HOUR_S
        # math.cos knot by knot: NumPy's vector cosine may differ between processors in the last bit.
        swing = [self.amplitude_K * math.cos(2.0 * math.pi * (h - self.warmest_hour) / 24.0) for h in hours.tolist()]
        return shared(knots_ns, np.array(swing), "linear", offset=draws.per_site(self.mean_K, "ambient"))
