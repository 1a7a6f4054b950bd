"""Grid frequency as an Ornstein-Uhlenbeck process: noise that the primary control pulls back.

Correlation: the damping ``c1 = 0.0083 / s`` of continental Europe in the data-driven model of Gorjao et al. 2020,
doi:10.1109/ACCESS.2020.2967834, so 1 / c1 = 120 s. Size: continental Europe may be outside 50 +- 0.05 Hz for 15,000
minutes a year (Regulation (EU) 2017/1485, Annex III), 2.9 % of the time, which a normal distribution of 0.0228 Hz is.
Left out: steps at the change of schedules every quarter of an hour, secondary control, and tails longer than normal.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from twin.quantity import Hertz, Seconds
from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.series import Series
from twin.scenario.spread import Draws
from twin.streams import stream

_KNOT_NS = 10**9


class OrnsteinUhlenbeck(Profile):
    """``df = -(f - nominal) / correlation dt + noise``, exact from second to second; the sites are on one grid."""

    kind: Literal["ou"] = "ou"
    nominal_Hz: Annotated[Hertz, Field(ge=40, le=70)] = 50.0
    sd_Hz: Annotated[Hertz, Field(ge=0, le=1)] = 0.0228
    """Standard deviation."""
    correlation_s: Annotated[Seconds, Field(ge=1, le=1e5)] = 120.0

    def series(self, window: Window, draws: Draws) -> Series:
        """Return the frequency in Hz."""
        knots = -(-window.duration_ns // _KNOT_NS) + 1
        noise = stream(draws.seed, "grid", "frequency").standard_normal(knots).tolist()
        keep = math.exp(-1.0 / self.correlation_s)
        renew = math.sqrt(1.0 - keep * keep)
        values = np.empty(knots)
        values[0] = deviation = noise[0]
        for index in range(1, knots):
            values[index] = deviation = keep * deviation + renew * noise[index]
        knots_ns = np.arange(knots, dtype=np.int64) * _KNOT_NS
        offset = np.full(len(draws.sites), self.nominal_Hz)
        return Series(knots_ns, values, np.full(len(draws.sites), self.sd_Hz), offset, "linear")
