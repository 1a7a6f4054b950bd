"""Values one by one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from twin.scenario.complaints import found
from twin.sweep.study.factor import Factor, Value


def _single(value: Any) -> Any:
    """Return the value. Raises ValueError where it is none: one complaint, and not one of each type that it is not."""
    if isinstance(value, dict | list):
        raise ValueError(f"found {found(value)}; expected text, a number, true, false or null")
    return value


class Values(Factor):
    """A list of values, all equally likely."""

    kind: Literal["values"] = "values"
    values: Annotated[tuple[Annotated[Value, BeforeValidator(_single)], ...], Field(min_length=1)]

    def value(self, unit: float) -> Value:
        """Return one of the values: each has an equal part of the coordinate."""
        return self.values[int(unit * len(self.values))]

    def levels(self, steps: int) -> tuple[float, ...]:
        """Return the middle of each value's part."""
        del steps
        return tuple((place + 0.5) / len(self.values) for place in range(len(self.values)))
