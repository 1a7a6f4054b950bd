"""Whether there are enough points: how the numbers moved while rows were added."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from twin.analysis.thinning import Floats
from twin.sweep.results.view import Absent, ResponseView, StudyView


@dataclass(frozen=True, eq=False)
class Running:
    """The mean of a response over the first rows, with its 95 % interval; ``[count]`` each."""

    counts: Floats
    mean: Floats
    half: Floats

    @property
    def settled(self) -> float:
        """Half the last interval over the scatter of a single row; small where more rows would change little."""
        return 1.0 / math.sqrt(self.counts[-1])


def running_mean(view: StudyView, response: ResponseView) -> Running | Absent:
    """Return the running mean of rows that were drawn at random, or why there is no such thing."""
    if view.gridded or view.sampling == "complete":
        return Absent("a grid is complete by design: its mean is that of its levels, and more rows are other levels")
    if view.sampling == "lines":
        return Absent("one factor at a time is no sample of the space, so that its mean says nothing")
    if view.sampling == "search":
        return Absent("a search looks where it is good, so that its mean says nothing; see the best so far")
    values = response.values[view.independent & response.known]
    if len(values) < 4:
        return Absent(f"{len(values)} rows have a value")
    counts = np.arange(1.0, len(values) + 1)
    mean = np.cumsum(values) / counts
    squares = np.cumsum((values - values.mean()) ** 2) - counts * (mean - values.mean()) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        half = stats.t.ppf(0.975, counts - 1) * np.sqrt(np.maximum(squares, 0.0) / (counts - 1) / counts)
    return Running(counts[2:], mean[2:], half[2:])


def best_so_far(view: StudyView, response: ResponseView) -> Floats | Absent:
    """Return ``[row]``: the best value up to a row among those that keep all constraints; NaN before the first."""
    if response.objective == "none":
        return Absent("it has no objective")
    costs = response.sign * np.where(view.feasible, response.values, np.nan)
    if not np.isfinite(costs).any():
        return Absent("no row keeps all constraints and has a value")
    return response.sign * np.asarray(np.fmin.accumulate(costs))
