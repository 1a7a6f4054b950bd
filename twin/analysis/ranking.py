"""Which variant is best over all metrics, how sure that is, and what it hangs on.

The overall score is the weighted mean of the metrics' scores (``Metric.score``). How sure the winner is: the share of
resamples, of sites and faults, the same for all variants, in which it wins. What it hangs on: the weight that a metric
would have to have, and the value that the winner would have to have in it, for another to win.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from twin.analysis.comparison import Comparison, Row
from twin.analysis.statistics import RESAMPLES
from twin.analysis.thinning import Floats
from twin.streams import stream

_EQUAL: Final = 1e-9
"""Scores that differ by less are the same."""
_WORST: Final = 1e4
"""Times as bad as it is: further than this no single metric is moved to find what flips a ranking."""


@dataclass(frozen=True)
class WeightFlip:
    """A weight from which on another variant wins, all other weights keeping their proportions."""

    row: Row
    share: float
    """Of this metric in the overall score, at the flip."""
    winner: str


@dataclass(frozen=True)
class ValueFlip:
    """A mean of the winner in one metric from which on another variant wins."""

    row: Row
    value: float
    winner: str


@dataclass(frozen=True, eq=False)
class Ranking:
    """The overall ranking of a comparison that has at least one metric to weigh."""

    comparison: Comparison

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The metrics that count."""
        return self.comparison.weighed

    @cached_property
    def weights(self) -> Floats:
        """Their weights, ``[row]``; they add up to 1."""
        return np.array([row.weight for row in self.rows])

    @cached_property
    def scores(self) -> Floats:
        """How good each variant is in each metric, ``[row, variant]``."""
        return np.array([row.scores for row in self.rows])

    @cached_property
    def overall(self) -> Floats:
        """The overall score of each variant, 0..1."""
        return np.asarray(self.weights @ self.scores)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The variants, the best first."""
        return tuple(self.comparison.variants[place] for place in np.argsort(-self.overall, kind="stable"))

    @property
    def winner(self) -> str:
        """The variant with the best overall score."""
        return self.order[0]

    def score(self, variant: str) -> float:
        """Return the overall score of a variant."""
        return float(self.overall[self.comparison.variants.index(variant)])

    @cached_property
    def chances(self) -> Floats:
        """Share of resamples in which each variant wins."""
        total = np.zeros((RESAMPLES, len(self.comparison.variants)))
        for row in self.rows:
            total += row.weight * row.metric.score(_resampled(row))
        wins = np.bincount(total.argmax(axis=1), minlength=total.shape[1])
        return np.asarray(wins / RESAMPLES)

    def chance(self, variant: str) -> float:
        """Return the share of resamples in which a variant wins."""
        return float(self.chances[self.comparison.variants.index(variant)])

    @cached_property
    def weight_flips(self) -> tuple[WeightFlip, ...]:
        """For each metric whose weight alone can change the winner: the change that is needed, the least first."""
        flips = [flip for place in range(len(self.rows)) if (flip := self._weight_flip(place))]
        return tuple(sorted(flips, key=lambda flip: abs(flip.share - flip.row.weight)))

    def _weight_flip(self, place: int) -> WeightFlip | None:
        winner = self.comparison.variants.index(self.winner)
        weight = float(self.weights[place])
        ahead = self.scores[:, [winner]] - self.scores
        rest = self.weights @ ahead - weight * ahead[place]
        found = []
        for other, variant in enumerate(self.comparison.variants):
            if other == winner or abs(ahead[place, other]) < _EQUAL or len(self.rows) == 1:
                continue
            needed = -float(rest[other]) / float(ahead[place, other])  # where the margin, linear in the weight, is 0
            if needed >= 0.0:
                found.append(WeightFlip(self.rows[place], needed / (needed + 1.0 - weight), variant))
        return min(found, key=lambda flip: abs(flip.share - weight), default=None)

    @cached_property
    def value_flips(self) -> tuple[ValueFlip, ...]:
        """For each metric in which the winner alone could lose the lead: the mean at which it does."""
        return tuple(flip for place in range(len(self.rows)) if (flip := self._value_flip(place)))

    def _value_flip(self, place: int) -> ValueFlip | None:
        row, winner = self.rows[place], self.comparison.variants.index(self.winner)

        def overall(badness: float) -> Floats:
            means = row.means.copy()
            means[winner] = _worsened(row, float(means[winner]), badness)
            return np.asarray(self.overall + row.weight * (row.metric.score(means) - row.scores))

        if overall(1.0).argmax() == winner:
            return None
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if overall(middle).argmax() == winner else (low, middle)
        after = overall(high)
        return ValueFlip(
            row, _worsened(row, float(row.means[winner]), high), self.comparison.variants[int(after.argmax())]
        )


def _worsened(row: Row, mean: float, badness: float) -> float:
    """Return a mean made worse: 0 leaves it, 1 makes it as bad as it gets."""
    if row.metric.better == "higher":
        return mean * (1.0 - badness)
    most = 1.0 if row.metric.percent else _WORST * max(mean, row.metric.floor)
    return max(mean, 0.0) + badness**4 * max(most - mean, 0.0)  # finer near to where it is


def _resampled(row: Row) -> Floats:
    """Return means of resampled keys, the same for all variants, ``[resample, variant]``."""
    values = np.array([sample.values for sample in row.samples])
    count = values.shape[1]
    draw = stream(0, "ranking", row.case.name, row.name)
    found = np.empty((RESAMPLES, len(values)))
    for first in range(0, RESAMPLES, 200):
        chosen = draw.integers(0, count, (min(200, RESAMPLES - first), count))
        found[first : first + len(chosen)] = values[:, chosen].mean(axis=2).T
    return found
