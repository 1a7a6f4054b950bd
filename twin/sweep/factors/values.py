"""Values one by one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from twin.sweep.factor import Factor, Value


class Values(Factor):
    """A list of values, all equally likely."""

    kind: Literal["values"]
    values: Annotated[tuple[Value, ...], Field(min_length=1)]

    def value(self, unit: float) -> Value:
        """Return one of the values: each has an equal part of the coordinate."""
        return self.values[int(unit * len(self.values))]

    def levels(self, steps: int) -> tuple[float, ...]:
        """Return the middle of each value's part."""
        del steps
        return tuple((place + 0.5) / len(self.values) for place in range(len(self.values)))
