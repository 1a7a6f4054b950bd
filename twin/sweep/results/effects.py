"""What a factor does to a response: means by level, and how much of the response's variance it explains.

Shares are correlation ratios, Var(E[y|x]) / Var(y): Saltelli et al. 2008, Global Sensitivity Analysis, chapter 1. Of a
sample they are the variances of the effects in an additive model of all factors, so that what the others do is no
scatter. Of a complete grid they are sums of squares, and exact for its levels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final

import numpy as np
from scipy import stats

from twin.analysis.thinning import Floats
from twin.sweep.results.additive import Additive, curve, steps
from twin.sweep.results.view import KEPT, Absent, Booleans, Codes, FactorView, ResponseView, StudyView, seldom

MOST_LEVELS: Final = 10
"""A continuous factor with more values is cut into parts with equally many rows."""
_MOST_PARTS: Final = 12
"""Of a range whose means are drawn."""
_ROWS_A_PART: Final = 10
_ROWS_A_TERM: Final = 4
"""Rows for each term of each factor, at least."""
_MOST_TERMS: Final = 8
"""Highest degree of the curve that a range may act by; more follow a jump more closely, and ask for more rows."""
_ROWS_A_PRODUCT: Final = 5
_MOST_TOGETHER: Final = 5
"""Highest degree of a range in an interaction."""
LEAST_ROWS: Final = 12
"""Of fewer rows that were drawn at random nothing is said about shares."""


@dataclass(frozen=True)
class Level:
    """A level of a factor, or a part of its range, and the mean of the response there with its 95 % interval."""

    label: str
    place: float
    """The factor's mean value there, or the place in its list of values."""
    mean: float
    low: float
    high: float
    count: int
    """Rows."""


@dataclass(frozen=True, eq=False)
class Effect:
    """What one factor does to one response."""

    factor: FactorView
    response: ResponseView
    levels: tuple[Level, ...]
    share: float
    """Of the response's variance, explained by this factor alone; NaN where rows cannot tell."""
    low: float
    high: float
    """Ends of the share's 95 % interval; NaN where there is none."""

    @property
    def span(self) -> float:
        """Highest minus lowest mean, in the response's unit."""
        means = [level.mean for level in self.levels]
        return max(means) - min(means)

    @property
    def strength(self) -> float:
        """What factors are ordered by: the share, or the span where there is none."""
        return self.span if math.isnan(self.share) else self.share

    def sure(self, others: Sequence[Effect]) -> bool:
        """Return whether it matters more than all others: where it is estimated, its interval lies above theirs."""
        return math.isnan(self.low) or all(self.low > other.share for other in others)


@lru_cache(maxsize=KEPT)  # sentences, tables and plots of one page ask for the same
def effects(view: StudyView, response: ResponseView) -> tuple[Effect, ...] | Absent:
    """Return the effects of all factors that vary, the strongest first, or why there are none."""
    rows = _rows(view, response)
    if not view.varied:
        return Absent("no factor varies")
    if rows.sum() < 2:
        return Absent(f"only {int(rows.sum())} of {len(rows)} rows have a value")
    if np.ptp(response.values[rows]) == 0.0:
        return Absent("it is the same at every row")
    shares = _shares(view, response.values, rows)
    found = (_effect(view, factor, response, rows, share) for factor, share in zip(view.varied, shares, strict=True))
    return tuple(sorted((one for one in found if one.levels), key=lambda one: -one.strength))


def _rows(view: StudyView, response: ResponseView) -> Booleans:
    return view.independent & response.known


def exact(view: StudyView, rows: Booleans) -> bool:
    """Return whether rows with a value are all there are of a complete grid: then shares are no estimates."""
    return view.sampling == "complete" and bool(rows.all())


def _shares(view: StudyView, values: Floats, rows: Booleans) -> Sequence[tuple[float, float, float]]:
    """Return for each factor that varies its share and the ends of its interval."""
    if exact(view, rows):
        total = _total(values)
        return [(_between(values, factor.codes) / total, math.nan, math.nan) for factor in view.varied]
    if view.sampling == "lines" or rows.sum() < LEAST_ROWS or seldom(values[rows]):
        return [(math.nan, math.nan, math.nan)] * len(view.varied)
    return _additive(view, values, rows).shares


def _additive(view: StudyView, values: Floats, rows: Booleans) -> Additive:
    """Return the fit of a sum of effects."""
    degree = int(np.clip(rows.sum() // (_ROWS_A_TERM * len(view.varied)), 1, _MOST_TERMS))
    return Additive(values[rows], [_terms(factor, rows, degree) for factor in view.varied])


def _terms(factor: FactorView, rows: Booleans, degree: int) -> Floats:
    """Return ``[row, term]``: what a factor may act by."""
    codes = np.unique(factor.codes[rows], return_inverse=True)[1]
    if factor.values is None:
        return steps(codes)
    return curve(factor.values[rows], min(degree, int(codes.max(initial=0))))


def _effect(
    view: StudyView, factor: FactorView, response: ResponseView, rows: Booleans, share: tuple[float, float, float]
) -> Effect:
    if view.sampling == "lines":
        rows = rows & ~np.delete(view.away, view.varied.index(factor), axis=1).any(axis=1)
    few = view.gridded or view.sampling in ("complete", "lines")
    codes = np.unique(factor.codes[rows], return_inverse=True)[1] if few else _parts(factor, rows)
    return Effect(factor, response, tuple(_levels(view, factor, response, rows, codes)), *share)


def _parts(factor: FactorView, rows: Booleans) -> Codes:
    """Return to which level each of the rows belongs; many numbers are cut into parts of equal counts."""
    codes = np.unique(factor.codes[rows], return_inverse=True)[1]
    if factor.values is None or codes.max(initial=0) < MOST_LEVELS:
        return np.asarray(codes)
    values = factor.values[rows]
    count = int(np.clip(len(values) // _ROWS_A_PART, 2, _MOST_PARTS))
    cuts = np.quantile(values, np.linspace(0.0, 1.0, count + 1)[1:-1])
    return np.asarray(np.unique(np.searchsorted(cuts, values, side="right"), return_inverse=True)[1])


def _levels(
    view: StudyView, factor: FactorView, response: ResponseView, rows: Booleans, codes: Codes
) -> Iterable[Level]:
    values, errors, places = response.values[rows], response.errors[rows], factor.places[rows]
    labels = np.array(factor.labels)[rows]
    for code in range(int(codes.max(initial=-1)) + 1):
        mine = codes == code
        mean, half = float(values[mine].mean()), _half_width(view, values[mine], errors[mine])
        same = len(set(labels[mine])) == 1
        label = labels[mine][0] if same else f"{places[mine].min():.3g}–{places[mine].max():.3g}"
        yield Level(str(label), float(places[mine].mean()), mean, mean - half, mean + half, int(mine.sum()))


def _half_width(view: StudyView, values: Floats, errors: Floats) -> float:
    """Return half the 95 % interval of a mean: of rows drawn at random by their scatter, else by that of the seeds."""
    if view.sampling in ("complete", "lines"):
        return float(1.96 * np.sqrt(np.sum(errors**2)) / len(errors))  # NaN where there is one replication
    if len(values) < 2:
        return math.nan
    return float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))


def _total(values: Floats) -> float:
    return float(np.sum((values - values.mean()) ** 2))


def _between(values: Floats, codes: Codes) -> float:
    counts = np.bincount(codes)
    means = np.bincount(codes, values) / counts
    return float(np.sum(counts * (means - values.mean()) ** 2))


@dataclass(frozen=True, eq=False)
class Interaction:
    """How much of a response's variance two factors explain together, beyond what each explains alone."""

    first: FactorView
    second: FactorView
    share: float
    """0 also where the estimate comes out below."""
    sure: bool
    """Whether chance alone would hardly do it: F test at 1 %, or an exact share of a complete grid above 1 %."""


@lru_cache(maxsize=KEPT)  # sentences, tables and plots of one page ask for the same
def interactions(view: StudyView, response: ResponseView) -> tuple[Interaction, ...] | Absent:
    """Return the interactions of all pairs, the strongest first, or why there are none."""
    rows = _rows(view, response)
    if len(view.varied) < 2:
        return Absent("it takes two factors that vary")
    if view.sampling == "lines":
        return Absent("one factor at a time never varies two together; take a grid, a Latin hypercube or Sobol points")
    if rows.sum() < 2:
        return Absent(f"only {int(rows.sum())} of {len(rows)} rows have a value")
    if np.ptp(response.values[rows]) == 0.0:
        return Absent("it is the same at every row")
    if exact(view, rows):
        found = [_cells_together(*pair, response.values) for pair in combinations(view.varied, 2)]
    else:
        if few := seldom(response.values[rows]):
            return few
        alone = _additive(view, response.values, rows)
        pairs = (_together(alone, *pair, rows) for pair in combinations(view.varied, 2))
        found = [pair for pair in pairs if pair is not None]
    if not found:
        return Absent(f"{int(rows.sum())} rows are too few")
    return tuple(sorted(found, key=lambda one: -one.share))


def _cells_together(first: FactorView, second: FactorView, values: Floats) -> Interaction:
    """Return the interaction of two factors of a complete grid: what cells explain beyond levels."""
    cells = np.unique(first.codes * (int(second.codes.max()) + 1) + second.codes, return_inverse=True)[1]
    alone = _between(values, first.codes) + _between(values, second.codes)
    share = max(0.0, _between(values, cells) - alone) / _total(values)
    return Interaction(first, second, share, share > 0.01)


def _together(alone: Additive, first: FactorView, second: FactorView, rows: Booleans) -> Interaction | None:
    """Return the interaction of two factors of a sample, by as many products of their terms as the rows can tell."""
    for degree in range(_MOST_TOGETHER, 0, -1):
        one, other = (_terms(factor, rows, degree) for factor in (first, second))
        if alone.spare >= _ROWS_A_PRODUCT * one.shape[1] * other.shape[1]:
            found = alone.together(one, other)
            return found and Interaction(first, second, found[0], found[1] < 0.01 and found[0] > 0.0)
    return None
