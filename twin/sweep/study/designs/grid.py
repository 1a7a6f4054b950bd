"""Every level of every factor with every level of all others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Annotated, Literal

from pydantic import Field

from twin.sweep.study.design import FixedDesign, Space, Units


class Grid(FixedDesign):
    """The full factorial design; the last factor changes fastest."""

    kind: Literal["grid"] = "grid"
    steps: Annotated[int, Field(ge=2, le=1000)] = 5
    """Of a continuous factor, ends included."""

    def count(self, space: Space) -> int:
        """Return the product of the numbers of levels."""
        return prod(len(factor.levels(self.steps)) for factor in space.factors.values())

    def rows(self, space: Space) -> Sequence[Units]:
        """Return all combinations."""
        return tuple(product(*(factor.levels(self.steps) for factor in space.factors.values())))
