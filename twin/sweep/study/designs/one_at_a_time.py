"""One row as a reference, and each other level of each factor beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from twin.errors import Problem
from twin.scenario.complaints import suggestion
from twin.sweep.study.design import FixedDesign, Space, Units
from twin.sweep.study.factor import Factor, Value


class OneAtATime(FixedDesign):
    """A reference, then one factor after the other at its other levels; says nothing of how factors act together."""

    kind: Literal["one_at_a_time"] = "one_at_a_time"
    steps: Annotated[int, Field(ge=2, le=1000)] = 5
    """Of a continuous factor."""
    reference: Mapping[str, Value] = {}
    """Values of the reference by factor, each one of its levels; the middle level unless stated."""

    def count(self, space: Space) -> int:
        """Return the number of levels that are no reference, and the reference."""
        return 1 + sum(len(factor.levels(self.steps)) - 1 for factor in space.factors.values())

    def rows(self, space: Space) -> Sequence[Units]:
        """Return the reference, then the others, factor by factor."""
        return tuple(self._rows(space))

    def mistakes(self, space: Space) -> tuple[Problem, ...]:
        """Return what is no factor, or none of its levels."""
        return tuple(self._mistakes(space))

    def _rows(self, space: Space) -> Iterator[Units]:
        levels = [factor.levels(self.steps) for factor in space.factors.values()]
        reference = [self._reference(name, factor) for name, factor in space.factors.items()]
        yield tuple(own[place] for own, place in zip(levels, reference, strict=True))
        for changed, own in enumerate(levels):
            for place in range(len(own)):
                if place != reference[changed]:
                    places = [*reference[:changed], place, *reference[changed + 1 :]]
                    yield tuple(other[at] for other, at in zip(levels, places, strict=True))

    def _reference(self, name: str, factor: Factor) -> int:
        """Return the place of the reference among the levels of a factor."""
        values = [factor.value(unit) for unit in factor.levels(self.steps)]
        return values.index(self.reference[name]) if name in self.reference else len(values) // 2

    def _mistakes(self, space: Space) -> Iterator[Problem]:
        for name, value in self.reference.items():
            path = f"reference.{name}"
            if name not in space.factors:
                meant = suggestion(name, list(space.factors))
                yield Problem(f"there is no factor {name}", path=path, suggestion=meant)
                continue
            factor = space.factors[name]
            values = [factor.value(unit) for unit in factor.levels(self.steps)]
            if value not in values:
                known = ", ".join(map(str, values[:12])) + ", ..." * (len(values) > 12)
                yield Problem(f"found {value}; expected one of the factor's levels: {known}", path=path)
