"""What a factor does to a response: means by level, and how much of the response's variance it explains.

Shares are correlation ratios, Var(E[y|x]) / Var(y): Saltelli et al. 2008, Global Sensitivity Analysis, chapter 1. Of a
sample they are the variances of the effects in an additive model of all factors, so that what the others do is no
scatter, less what scatter adds; with intervals of the noncentral F distribution (Steiger 2004,
doi:10.1037/1082-989X.9.2.164), widened for rows that are drawn: they held the truth in 94 to 99 % of 200 draws. Of a
complete grid they are sums of squares, and exact for its levels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise
from typing import Final

import numpy as np
from scipy import optimize, stats

from twin.analysis.thinning import Floats
from twin.sweep.results.view import KEPT, Absent, Booleans, Codes, FactorView, ResponseView, StudyView

MOST_LEVELS: Final = 10
"""A continuous factor with more values is cut into parts with equally many rows."""
_DRAWN: Final = (12, 10)
"""Most parts of a range whose means are drawn, and rows in each."""
_MOST_COUNTED: Final = 32
"""Most parts of a range for its share: more follow a curve more closely, and their scatter is taken out."""
_ROWS_A_PART: Final = 4
"""Rows for each part of each factor, at least."""
LEAST_ROWS: Final = 12
"""Of fewer rows that were drawn at random nothing is said about shares."""
_ROWS_A_CELL: Final = 5
_RIDGE: Final = 1e-9
_TAIL: Final = 0.0125
"""Of the F distribution, which holds for given rows: so that the interval holds in 95 % of draws of the rows, too."""


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
    if view.sampling == "lines" or rows.sum() < LEAST_ROWS:
        return [(math.nan, math.nan, math.nan)] * len(view.varied)
    return _Additive(values[rows], _counted(view, rows)).shares


def _counted(view: StudyView, rows: Booleans) -> Sequence[Codes]:
    a_part = _ROWS_A_PART * len(view.varied)
    # Sobol points lie on a lattice of powers of two: parts that follow it make factors look like each other.
    most = max(2, (int(np.clip(rows.sum() // a_part, 2, _MOST_COUNTED)) - 1) | 1)
    return [parts(factor, rows, most, a_part) for factor in view.varied]


def _effect(
    view: StudyView, factor: FactorView, response: ResponseView, rows: Booleans, share: tuple[float, float, float]
) -> Effect:
    if view.sampling == "lines":
        rows = rows & ~np.delete(view.away, view.varied.index(factor), axis=1).any(axis=1)
    few = view.gridded or view.sampling in ("complete", "lines")
    codes = np.unique(factor.codes[rows], return_inverse=True)[1] if few else parts(factor, rows, *_DRAWN)
    return Effect(factor, response, tuple(_levels(view, factor, response, rows, codes)), *share)


def parts(factor: FactorView, rows: Booleans, most: int, rows_a_part: int, keep: int = MOST_LEVELS) -> Codes:
    """Return to which level each of the rows belongs; more than ``keep`` numbers are cut into parts of equal counts."""
    codes = np.unique(factor.codes[rows], return_inverse=True)[1]
    if factor.values is None or codes.max(initial=0) < keep:
        return np.asarray(codes)
    values = factor.values[rows]
    count = int(np.clip(len(values) // rows_a_part, 2, most))
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


class _Additive:
    """Least squares of a sum of effects: a mean for each part of each factor."""

    def __init__(self, values: Floats, codes: Sequence[Codes]) -> None:
        blocks = [np.eye(int(one.max()) + 1)[one][:, 1:] for one in codes]
        self.columns = np.column_stack([np.ones(len(values)), *blocks])
        self.sizes = [block.shape[1] for block in blocks]
        self.values = values - values.mean()
        products = self.columns.T @ self.columns
        # Factors that say the same, such as columns of one table, would leave the equations without a solution.
        self._products = products + _RIDGE * np.trace(products) / len(products) * np.eye(len(products))
        self._sums = self.columns.T @ self.values

    @property
    def residuals(self) -> Floats:
        """``[row]``: what no single factor explains."""
        return np.asarray(self.values - self.columns @ np.linalg.solve(self._products, self._sums))

    @property
    def shares(self) -> list[tuple[float, float, float]]:
        """The variance of each factor's effect beside all there is, and the ends of its 95 % interval."""
        freedom = len(self.values) - len(self._sums)
        if freedom < 1:
            return [(math.nan, math.nan, math.nan)] * len(self.sizes)
        inside = float(self.values @ self.residuals) / freedom
        found = [self._effect(first, last, inside) for first, last in pairwise(np.cumsum([1, *self.sizes]).tolist())]
        # Factors are independent by design. In the rows they are so by chance only, which would enter by their total.
        total = sum(squares for squares, _ in found) + inside * len(self.values)
        return [
            _with_interval(squares / total if total > 0.0 else 0.0, against, groups, freedom)
            for (squares, against), groups in zip(found, self.sizes, strict=True)
        ]

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
    values, total = response.values[rows], _total(response.values[rows])
    few = exact(view, rows)
    left = _Additive(values, [one.codes for one in view.varied] if few else _counted(view, rows)).residuals
    pairs = (_interaction(view, *pair, left, rows, total) for pair in combinations(view.varied, 2))
    found = [pair for pair in pairs if pair is not None]
    if not found:
        return Absent(f"{int(rows.sum())} rows are too few: some {_ROWS_A_CELL} are needed where two factors meet")
    return tuple(sorted(found, key=lambda one: -one.share))


def _interaction(
    view: StudyView, first: FactorView, second: FactorView, values: Floats, rows: Booleans, total: float
) -> Interaction | None:
    """Return the interaction of two factors; ``values[row]`` are what no single factor explains."""
    if exact(view, rows):
        share = _between(values, _cells(first.codes, second.codes)) / total
        return Interaction(first, second, share, share > 0.01)
    for most in (8, 6, 4, 3, 2):
        one, other = (parts(factor, rows, most, _ROWS_A_CELL, keep=most + 1) for factor in (first, second))
        cells = _cells(one, other)
        if len(values) >= _ROWS_A_CELL * (int(cells.max()) + 1):
            return Interaction(first, second, *_together(values, one, other, cells, total))
    return None


def _cells(one: Codes, other: Codes) -> Codes:
    return np.asarray(np.unique(one * (int(other.max()) + 1) + other, return_inverse=True)[1])


def _together(values: Floats, one: Codes, other: Codes, cells: Codes, total: float) -> tuple[float, bool]:
    """Return the share of ``total`` that cell means of what single factors leave explain, and an F test's word."""
    freedom = int(cells.max()) - int(one.max()) - int(other.max())
    rest = len(values) - int(cells.max()) - 1
    explained = _between(values, cells)
    inside = (_total(values) - explained) / rest
    if freedom < 1:
        return 0.0, False
    share = max(0.0, (explained - freedom * inside) / (total + inside))
    chance = float(stats.f.sf(explained / freedom / inside, freedom, rest)) if inside > 0.0 else 0.0
    return share, chance < 0.01 and share > 0.0
