"""Rows that fill the space evenly: a scrambled Sobol sequence."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from twin.sweep.study.sample import Sample


class Sobol(Sample):
    """A Sobol sequence (Joe and Kuo 2008), scrambled (Owen 1998); a larger design begins with a smaller one's rows.

    It is balanced where the number of rows is a power of two.
    """

    kind: Literal["sobol"] = "sobol"
    points: Annotated[int, Field(ge=1)]
    """How many rows; best a power of two."""

    def draw(self, factors: int, draws: np.random.Generator) -> NDArray[np.float64]:
        """Return the first rows of the sequence."""
        from scipy.stats import qmc  # takes most of a second: only who makes a design pays

        rows = qmc.Sobol(factors, seed=draws).random_base2((self.points - 1).bit_length())  # of another number it warns
        return np.asarray(rows[: self.points])
