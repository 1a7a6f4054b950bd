"""A range of numbers, of which each is equally likely."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from twin.errors import Problem
from twin.sweep.study.factor import Factor, Value


class Range(Factor):
    """Numbers from ``low`` to ``high``, both included."""

    kind: Literal["range"] = "range"
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"
    """Of which the parts are equally likely: ``log`` gives every decade as many points."""
    integer: bool = False
    """Whole numbers only."""
    steps: Annotated[int, Field(ge=2, le=10_000)] | None = None
    """So many values only, evenly spaced on the scale."""

    @property
    def continuous(self) -> bool:
        """Whether any coordinate has a value of its own."""
        return not self.integer and self.steps is None

    def value(self, unit: float) -> Value:
        """Return the number at a coordinate, to 12 digits, so that files can be read."""
        if self.steps is not None:
            return self._number(self.low, self.high, int(unit * self.steps) / (self.steps - 1))
        if self.integer:  # each has the part of the scale that rounds to it
            return min(max(int(self._number(*self._edges, unit)), int(self.low)), int(self.high))
        return self._number(self.low, self.high, unit)

    def levels(self, steps: int) -> tuple[float, ...]:
        """Return the middle of the part of each value; of a continuous range ``steps`` from end to end."""
        if self.steps is not None:
            return tuple((place + 0.5) / self.steps for place in range(self.steps))
        if self.integer:
            low, high = (self._scaled(edge) for edge in self._edges)
            whole = range(int(self.low), int(self.high) + 1)
            return tuple((self._scaled(number) - low) / (high - low) for number in whole)
        last = math.nextafter(1.0, 0.0)
        return tuple(min(place / (steps - 1), last) for place in range(steps))

    def mistakes(self) -> tuple[Problem, ...]:
        """Return why there is no such range."""
        return tuple(self._mistakes())

    def _mistakes(self) -> Iterator[Problem]:
        if not self.low < self.high:
            yield Problem(f"an empty range: found {self.high:g}; expected more than low, {self.low:g}", path="high")
        if self.scale == "log" and self.low <= 0:
            yield Problem(f"found {self.low:g}; expected more than 0 on a scale of logarithms", path="low")
        if self.integer:
            for name, number in (("low", self.low), ("high", self.high)):
                if not number.is_integer():
                    yield Problem(f"found {number:g}; expected a whole number", path=name)
            if self.steps and self.steps > self.high - self.low + 1 > 0:
                yield Problem(f"found {self.steps}; there are {self.high - self.low + 1:g} whole numbers", path="steps")

    @property
    def _edges(self) -> tuple[float, float]:
        return self.low - 0.5, self.high + 0.5

    def _scaled(self, number: float) -> float:
        return math.log(number) if self.scale == "log" else number

    def _number(self, low: float, high: float, share: float) -> float | int:
        """Return the number so far between two on the scale."""
        low, high = self._scaled(low), self._scaled(high)
        place = low + share * (high - low)
        number = math.exp(place) if self.scale == "log" else place
        return math.floor(number + 0.5) if self.integer else float(f"{number:.12g}")
