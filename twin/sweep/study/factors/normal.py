"""Numbers that scatter around a mean."""

from __future__ import annotations

from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import Field

from twin.sweep.study.distribution import Distribution


class Normal(Distribution):
    """A normal distribution."""

    kind: Literal["normal"] = "normal"
    mean: float
    """Before anything is cut off."""
    sd: Annotated[float, Field(gt=0)]
    """Standard deviation, before anything is cut off."""

    def quantile(self, share: float) -> float:
        """Return the number below which such a share of all lies."""
        return NormalDist(self.mean, self.sd).inv_cdf(share)

    def below(self, number: float) -> float:
        """Return which share lies below a number."""
        return NormalDist(self.mean, self.sd).cdf(number)
