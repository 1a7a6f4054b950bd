"""Statistics of a metric's values: mean, tail, extremes, and intervals from resampling with a fixed seed.

The interval is the percentile bootstrap of the mean (Efron and Tibshirani 1993, An Introduction to the Bootstrap,
chapter 13). Runs of the same sites and faults are compared by the differences of their values, pair by pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from twin.analysis.metric import Key, Sample
from twin.analysis.thinning import Floats
from twin.streams import stream

RESAMPLES: Final = 2000
LEVEL: Final = 0.95
LEAST_PAIRS: Final = 6
"""Of fewer pairs a bootstrap's interval is far too narrow: of two, it covers the truth half the time."""
_BLOCK: Final = 4_000_000


@dataclass(frozen=True)
class Summary:
    """A metric's values in a few numbers; ``low`` to ``high``: the 95 % interval of the mean, NaN of fewer than two."""

    count: int
    of: int
    """Keys that were looked at, with those that have no value."""
    mean: float
    low: float
    high: float
    p5: float
    p95: float
    least: float
    most: float
    at_least: int = 0
    """Values that are lower bounds."""


def summarise(sample: Sample, name: str) -> Summary:
    """Return the summary of a sample that has at least one value; ``name`` keys the random stream."""
    values = sample.values[sample.known]
    low, high = interval(resampled_means(values, name))
    p5, p95 = (float(one) for one in np.quantile(values, [0.05, 0.95]))
    bounds = 0 if sample.at_least is None else int(sample.at_least[sample.known].sum())
    extremes = float(values.min()), float(values.max())
    return Summary(len(values), len(sample.values), float(values.mean()), low, high, p5, p95, *extremes, bounds)


def resampled_means(values: Floats, name: str) -> Floats:
    """Return the means of ``RESAMPLES`` samples drawn with replacement from ``values``; NaN of fewer than two."""
    if len(values) < 2:
        return np.full(RESAMPLES, np.nan)
    draw = stream(0, "bootstrap", name)
    at_once = max(1, _BLOCK // len(values))
    parts = [
        values[draw.integers(0, len(values), (min(at_once, RESAMPLES - first), len(values)))].mean(axis=1)
        for first in range(0, RESAMPLES, at_once)
    ]
    return np.concatenate(parts)


def interval(means: Floats) -> tuple[float, float]:
    """Return the middle 95 % of resampled means."""
    tail = (1.0 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return float(low), float(high)


@dataclass(frozen=True)
class Difference:
    """One run's values minus another's, over the keys that both have: the mean, and its 95 % interval."""

    count: int
    mean: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        """Whether there are enough pairs and no doubt, by the interval, on which side of zero the difference is."""
        return self.count >= LEAST_PAIRS and (self.low > 0.0 or self.high < 0.0)


def paired(one: Sample, other: Sample) -> tuple[tuple[Key, ...], Floats, Floats]:
    """Return the keys for which both samples have a value, and their values."""
    places = {key: place for place, key in enumerate(other.keys) if other.known[place]}
    pairs = [(key, here, places[key]) for here, key in enumerate(one.keys) if one.known[here] and key in places]
    here, there = [pair[1] for pair in pairs], [pair[2] for pair in pairs]
    return tuple(pair[0] for pair in pairs), one.values[here], other.values[there]


def difference(one: Sample, other: Sample, name: str) -> Difference | None:
    """Return how much higher the first sample's values are than the second's; None where they share no key."""
    keys, here, there = paired(one, other)
    if not keys:
        return None
    values = here - there
    mean = float(values.mean())
    if np.ptp(values) == 0.0:
        return Difference(len(keys), mean, mean, mean)
    return Difference(len(keys), mean, *interval(resampled_means(values, name)))


def shared(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Return the samples cut to the keys for which all of them have a value, in one order."""
    keys = {key for key, known in zip(samples[0].keys, samples[0].known, strict=True) if known}
    for sample in samples[1:]:
        keys &= {key for key, known in zip(sample.keys, sample.known, strict=True) if known}
    order = sorted(keys)
    return tuple(_cut(sample, order) for sample in samples)


def _cut(sample: Sample, keys: Sequence[Key]) -> Sample:
    places = {key: place for place, key in enumerate(sample.keys)}
    chosen = [places[key] for key in keys]
    parts = {name: values[chosen] for name, values in sample.parts.items()}
    at_least = None if sample.at_least is None else sample.at_least[chosen]
    return Sample(tuple(keys), sample.values[chosen], parts, at_least)
