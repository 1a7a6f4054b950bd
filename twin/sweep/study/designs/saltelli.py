"""Rows from which Sobol indices are computed: how much each factor matters, alone and with others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from twin.errors import Problem
from twin.streams import stream
from twin.sweep.study.design import FixedDesign, Space, Units


class Saltelli(FixedDesign):
    """Saltelli's crossing of two Sobol samples (Saltelli 2002, doi:10.1016/S0010-4655(02)00280-1), as SALib makes it.

    A larger design begins with a smaller one's rows, block by block.
    """

    complete = True
    kind: Literal["saltelli"] = "saltelli"
    samples: Annotated[int, Field(ge=2)]
    """Blocks of rows, a power of two. Of f factors each has 2 f + 2 rows, without ``second_order`` f + 2."""
    second_order: bool = True
    """Whether indices of pairs of factors are wanted."""

    def count(self, space: Space) -> int:
        """Return the rows of all blocks."""
        factors = len(space.factors)
        return self.samples * (2 * factors + 2 if self.second_order else factors + 2)

    def rows(self, space: Space) -> Sequence[Units]:
        """Return the rows in the order that SALib's analysis expects."""
        from SALib.sample import sobol  # takes more than a second: only who makes a design pays

        names = list(space.factors)
        problem = {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}
        draws = stream(space.seed, "study", "saltelli")
        rows = sobol.sample(problem, self.samples, calc_second_order=self.second_order, seed=draws)
        return [tuple(row) for row in rows.tolist()]

    def mistakes(self, space: Space) -> tuple[Problem, ...]:
        """Return why its samples are not balanced, or need no crossing."""
        return tuple(self._mistakes(space))

    def _mistakes(self, space: Space) -> Iterator[Problem]:
        if self.samples & (self.samples - 1):
            nearest = 1 << (self.samples - 1).bit_length()
            yield Problem(f"found {self.samples}; expected a power of two", path="samples", suggestion=f"{nearest}?")
        if len(space.factors) < 2:
            yield Problem("of a single factor there are no shares; expected two factors or more", path="kind")
