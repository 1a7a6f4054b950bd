"""Rows that meet every part of every factor once: a Latin hypercube."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from twin.sweep.study.sample import Sample


class LatinHypercube(Sample):
    """A Latin hypercube (McKay, Beckman and Conover 1979): of n rows, one in each n-th of each factor's range.

    One of another size has other rows throughout: to add points to a finished study, take ``sobol`` or ``random``.
    """

    kind: Literal["latin_hypercube"] = "latin_hypercube"
    optimize: bool = True
    """Whether pairs are exchanged until the rows fill the space evenly (centred discrepancy); a millisecond a row.

    Without it, factors of a few dozen rows may be correlated by chance, and one is taken for the other."""

    def draw(self, factors: int, draws: np.random.Generator) -> NDArray[np.float64]:
        """Return one place in each part, in random order factor by factor."""
        from scipy.stats import qmc  # takes half a second: only who makes a design pays

        optimization = "random-cd" if self.optimize and self.points > 1 else None
        return np.asarray(qmc.LatinHypercube(factors, optimization=optimization, seed=draws).random(self.points))
