"""What factors share that are distributed otherwise than evenly: quantiles, cut where the author says."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Final

from twin.errors import Problem
from twin.sweep.study.factor import Factor, Value

_TAIL: Final = 1e-12
"""The ends of the unit interval are at infinity: no closer to them than this."""


class Distribution(Factor):
    """Numbers of which some are likelier than others."""

    at_least: float | None = None
    """Smaller numbers do not occur, and the others are so much likelier."""
    at_most: float | None = None
    """Larger ones neither."""

    @property
    def continuous(self) -> bool:
        """Whether any coordinate has a value of its own."""
        return True

    @abstractmethod
    def quantile(self, share: float) -> float:
        """Return the number below which such a share of all lies, 0 < share < 1, nothing cut off."""

    @abstractmethod
    def below(self, number: float) -> float:
        """Return which share lies below a number, nothing cut off: the inverse of ``quantile``."""

    def value(self, unit: float) -> Value:
        """Return the number at a coordinate, to 12 digits, so that files can be read."""
        low, high = self._shares()
        number = self.quantile(min(max(low + unit * (high - low), _TAIL), 1.0 - _TAIL))
        if self.at_least is not None:
            number = max(number, self.at_least)
        if self.at_most is not None:
            number = min(number, self.at_most)
        return float(f"{number:.12g}")

    def levels(self, steps: int) -> tuple[float, ...]:
        """Return the middles of equally likely parts: the ends would be at infinity."""
        return tuple((place + 0.5) / steps for place in range(steps))

    def mistakes(self) -> tuple[Problem, ...]:
        """Return what is wrong with the distribution, and whether anything of it is left."""
        own = tuple(self.own_mistakes())
        if own:
            return own
        low, high = self._shares()
        if high - low < 2 * _TAIL:
            return (Problem("an empty range: next to nothing of the distribution is between at_least and at_most"),)
        return ()

    def own_mistakes(self) -> Iterator[Problem]:
        """Yield why there is no such distribution."""
        yield from ()

    def _shares(self) -> tuple[float, float]:
        """Return the shares below the smallest and the largest number that occur."""
        low = 0.0 if self.at_least is None else self.below(self.at_least)
        return low, 1.0 if self.at_most is None else self.below(self.at_most)
