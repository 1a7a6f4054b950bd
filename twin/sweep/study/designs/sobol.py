"""Rows that fill the space evenly: a scrambled Sobol sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from twin.streams import stream
from twin.sweep.study.design import Design, Space, Told, Units


class Sobol(Design):
    """A Sobol sequence (Joe and Kuo 2008), scrambled (Owen 1998); a larger design begins with a smaller one's rows.

    It is balanced where the number of rows is a power of two.
    """

    kind: Literal["sobol"] = "sobol"
    points: Annotated[int, Field(ge=1)]
    """How many rows; best a power of two."""

    def count(self, space: Space) -> int:
        """Return how many rows were asked for."""
        del space
        return self.points

    def next(self, space: Space, told: Sequence[Told]) -> Sequence[Units]:
        """Return all rows at once."""
        if told:
            return ()
        from scipy.stats import qmc  # takes most of a second: only who makes a design pays

        sequence = qmc.Sobol(len(space.factors), seed=stream(space.seed, "study", "sobol"))
        rows = sequence.random_base2((self.points - 1).bit_length())  # of another number scipy warns
        return [tuple(row) for row in rows[: self.points].tolist()]
