"""Positive numbers whose logarithms scatter: sizes, rates, times to failure."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import Field

from twin.sweep.study.distribution import Distribution


class LogNormal(Distribution):
    """A log-normal distribution."""

    kind: Literal["lognormal"] = "lognormal"
    median: Annotated[float, Field(gt=0)]
    """Half of all are smaller, before anything is cut off."""
    sigma: Annotated[float, Field(gt=0)]
    """Standard deviation of the natural logarithm: 0.1 scatters by some 10 %."""

    def quantile(self, share: float) -> float:
        """Return the number below which such a share of all lies."""
        return math.exp(self._logarithms.inv_cdf(share))

    def below(self, number: float) -> float:
        """Return which share lies below a number."""
        return self._logarithms.cdf(math.log(number)) if number > 0.0 else 0.0

    @property
    def _logarithms(self) -> NormalDist:
        return NormalDist(math.log(self.median), self.sigma)
