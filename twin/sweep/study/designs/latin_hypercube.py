"""Rows that meet every part of every factor once: a Latin hypercube."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from twin.streams import stream
from twin.sweep.study.design import Design, Space, Told, Units


class LatinHypercube(Design):
    """A Latin hypercube (McKay, Beckman and Conover 1979): of n rows, one in each n-th of each factor's range.

    One of another size has other rows throughout: to add points to a finished study, take ``sobol`` or ``random``.
    """

    kind: Literal["latin_hypercube"] = "latin_hypercube"
    points: Annotated[int, Field(ge=1)]
    """How many rows."""
    optimize: bool = False
    """Whether pairs are exchanged until the rows fill the space evenly (centred discrepancy); takes a while."""

    def count(self, space: Space) -> int:
        """Return how many rows were asked for."""
        del space
        return self.points

    def next(self, space: Space, told: Sequence[Told]) -> Sequence[Units]:
        """Return all rows at once."""
        if told:
            return ()
        from scipy.stats import qmc  # takes half a second: only who makes a design pays

        draws = stream(space.seed, "study", "latin_hypercube")
        optimization = "random-cd" if self.optimize and self.points > 1 else None
        rows = qmc.LatinHypercube(len(space.factors), optimization=optimization, seed=draws).random(self.points)
        return [tuple(row) for row in rows.tolist()]
