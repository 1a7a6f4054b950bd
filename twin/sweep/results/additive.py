"""A response as a sum of what each factor does, and of what pairs of them do beyond it, by least squares.

Shares are variances of the effects, less what scatter adds; with intervals of the noncentral F distribution (Steiger
2004, doi:10.1037/1082-989X.9.2.164), widened for rows that are drawn. A range acts by Legendre polynomials over its
ranks (a generalised polynomial chaos: Sudret 2008, doi:10.1016/j.ress.2007.04.002), which follow a slope with one
number where steps need many; what is no number acts by a mean for each level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from numpy.polynomial import legendre
from scipy import optimize, stats

from twin.analysis.thinning import Floats

_RIDGE: Final = 1e-9
_TAIL: Final = 0.0125
"""Of the F distribution, which holds for given rows: so that the interval holds in 95 % of draws of the rows, too."""


def curve(values: Floats, degree: int) -> Floats:
    """Return ``[row, term]``: polynomials over the ranks of numbers, of variance 1 where ranks lie evenly."""
    even = 2.0 * (stats.rankdata(values) - 0.5) / len(values) - 1.0
    degrees = np.arange(1, degree + 1)
    return np.asarray(legendre.legvander(even, degree)[:, 1:] * np.sqrt(2 * degrees + 1))


def steps(codes: npt.NDArray[np.integer]) -> Floats:
    """Return ``[row, level - 1]``: 1 where a row is at a level, from the second on."""
    return np.asarray(np.eye(int(codes.max(initial=0)) + 1)[codes][:, 1:])


class Additive:
    """Least squares of a sum of effects."""

    def __init__(self, values: Floats, terms: Sequence[Floats]) -> None:
        """Fit ``values[row]`` by the ``[row, term]`` of each factor."""
        self._sizes = [one.shape[1] for one in terms]
        self._columns = np.column_stack([np.ones(len(values)), *terms])
        self._values = values - values.mean()
        products = self._columns.T @ self._columns
        # Factors that say the same, such as columns of one table, would leave the equations without a solution.
        self._products = products + _RIDGE * np.trace(products) / len(products) * np.eye(len(products))
        self._sums = self._columns.T @ self._values
        self._residuals = self._values - self._columns @ np.linalg.solve(self._products, self._sums)

    @property
    def spare(self) -> int:
        """Rows beyond those that the effects take."""
        return len(self._values) - len(self._sums)

    @property
    def shares(self) -> list[tuple[float, float, float]]:
        """The variance of each factor's effect beside all there is, and the ends of its 95 % interval."""
        if self.spare < 1:
            return [(math.nan, math.nan, math.nan)] * len(self._sizes)
        inside = float(self._values @ self._residuals) / self.spare
        found = [self._effect(first, last, inside) for first, last in pairwise(np.cumsum([1, *self._sizes]).tolist())]
        # Factors are independent by design. In the rows they are so by chance only, which would enter by their total.
        total = sum(squares for squares, _ in found) + inside * len(self._values)
        return [
            _with_interval(squares / total if total > 0.0 else 0.0, against, groups, self.spare)
            for (squares, against), groups in zip(found, self._sizes, strict=True)
        ]

    def together(self, one: Floats, other: Floats) -> tuple[float, float] | None:
        """Return the share of two factors' products beyond all effects, and how likely chance alone does as well.

        ``one`` and ``other`` are terms of the two. None where there are too few rows to tell.
        """
        products = np.einsum("ri,rj->rij", one, other).reshape(len(one), -1)
        beyond = products - self._columns @ np.linalg.solve(self._products, self._columns.T @ products)
        sizes, along = np.linalg.eigh(beyond.T @ beyond)
        told = sizes > _RIDGE * sizes.max(initial=0.0)
        freedom, rest = int(told.sum()), self.spare - int(told.sum())
        if freedom < 1 or rest < 1:
            return None
        explained = float(np.sum(((along.T @ (beyond.T @ self._residuals))[told]) ** 2 / sizes[told]))
        inside = max(0.0, float(self._residuals @ self._residuals) - explained) / rest
        total = float(self._values @ self._values) + inside
        chance = float(stats.f.sf(explained / freedom / inside, freedom, rest)) if inside > 0.0 else 0.0
        return max(0.0, (explained - freedom * inside) / total), chance

    def _effect(self, first: int, last: int, inside: float) -> tuple[float, float]:
        """Return the squares of a factor's fitted effect, less what scatter adds, and the effect against scatter."""
        if last == first:
            return 0.0, 0.0
        mine, others = np.arange(first, last), np.delete(np.arange(len(self._sums)), np.s_[first:last])
        cross = self._products[np.ix_(others, mine)]
        through = np.linalg.solve(self._products[np.ix_(others, others)], np.column_stack([cross, self._sums[others]]))
        own = self._products[np.ix_(mine, mine)]
        beyond, sums = own - cross.T @ through[:, :-1], self._sums[mine] - cross.T @ through[:, -1]
        spread = own - np.outer(self._products[0, mine], self._products[0, mine]) / self._products[0, 0]
        effect, scatter = np.linalg.solve(beyond, sums), float(np.trace(np.linalg.solve(beyond, spread)))
        squares = max(0.0, float(effect @ spread @ effect) - inside * scatter)
        return squares, float(sums @ effect) / inside if inside > 0.0 else math.inf


def _with_interval(share: float, against: float, groups: int, freedom: int) -> tuple[float, float, float]:
    """Return a share with the ends of its interval; ``against``: squares of the effect over those of scatter."""
    if groups < 1 or against > 1e9 * groups:
        return share, share, share
    # The interval is of the effect; all else that varies, other factors and scatter, is taken as it was found.
    known = share > 0.0 and against > groups
    rest = (against - groups) * (1.0 / share - 1.0) if known else float(freedom)
    # Less than chance makes on average is luck, and no reason to be surer that there is nothing.
    low, high = (end / (end + max(rest, 1.0)) for end in _noncentral(max(1.0, against / groups), groups, freedom))
    return share, min(low, share), max(high, share)


def _noncentral(found: float, above: int, below: int) -> tuple[float, float]:
    """Return the 95 % interval of the noncentrality of which an F value was found, by Patnaik's approximation.

    doi:10.1093/biomet/36.1-2.202; the exact distribution cannot be computed where the value is large.
    """

    def end(tail: float) -> float:
        def excess(beyond: float) -> float:
            freedom = (above + beyond) ** 2 / (above + 2.0 * beyond)
            return float(stats.f.cdf(found / (1.0 + beyond / above), freedom, below)) - tail

        if excess(0.0) <= 0.0:
            return 0.0
        return float(optimize.brentq(excess, 0.0, 10.0 * above * (found + 10.0), rtol=1e-4))

    return end(1.0 - _TAIL), end(_TAIL)
