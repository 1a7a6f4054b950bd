"""Numbers of which an expert knows the least, the likeliest and the most."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from twin.errors import Problem
from twin.sweep.study.distribution import Distribution


class Triangular(Distribution):
    """A triangular distribution (Kotz and van Dorp 2004, Beyond Beta, chapter 1)."""

    kind: Literal["triangular"] = "triangular"
    low: float
    mode: float
    """The likeliest."""
    high: float

    def quantile(self, share: float) -> float:
        """Return the number below which such a share of all lies."""
        width, rise = self.high - self.low, self.mode - self.low
        if share * width < rise:
            return self.low + math.sqrt(share * width * rise)
        return self.high - math.sqrt((1.0 - share) * width * (self.high - self.mode))

    def below(self, number: float) -> float:
        """Return which share lies below a number."""
        width = self.high - self.low
        if number <= self.low:
            return 0.0
        if number >= self.high:
            return 1.0
        if number < self.mode:
            return (number - self.low) ** 2 / (width * (self.mode - self.low))
        return 1.0 - (self.high - number) ** 2 / (width * (self.high - self.mode))

    def own_mistakes(self) -> Iterator[Problem]:
        """Yield why there is no such triangle."""
        if not self.low < self.high:
            yield Problem(f"an empty range: found {self.high:g}; expected more than low, {self.low:g}", path="high")
        elif not self.low <= self.mode <= self.high:
            message = f"found {self.mode:g}; expected a number from low to high, {self.low:g} to {self.high:g}"
            yield Problem(message, path="mode")
