"""A response over two factors, the others averaged: of a grid its means, of a sample those of a smooth fit.

The fit is an interpolation by thin plate splines in the unit cube of all factors (Wahba 1990, Spline Models for
Observational Data), smoothed as much as makes it predict best the rows that it was not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.interpolate import RBFInterpolator

from twin.analysis.thinning import Floats
from twin.streams import stream
from twin.sweep.results.view import Absent, Codes, FactorView, ResponseView, StudyView

STEPS: Final = 25
LEAST_ROWS: Final = 20
LEAST_SKILL: Final = 0.3
"""A fit that predicts rows it was not shown worse than this is not drawn."""
_MOST_ROWS: Final = 500
_SAMPLE: Final = 64
"""Places of the other factors over which is averaged."""
_FOLDS: Final = 5
_SMOOTHINGS: Final = (1e-6, 1e-3, 1e-2, 1e-1, 1.0, 10.0)


@dataclass(frozen=True, eq=False)
class Surface:
    """A response over two factors."""

    across: FactorView
    up: FactorView
    x: Sequence[float | str]
    y: Sequence[float | str]
    z: Floats
    """``[y, x]``"""
    skill: float | None
    """Share of the variance of rows that the fit was not shown, which it predicts; None of a grid's own means."""


def surface(view: StudyView, response: ResponseView, strongest: Sequence[FactorView]) -> Surface | Absent:
    """Return the response over the two strongest factors that fit; ``strongest`` comes first."""
    if view.gridded or view.sampling == "complete":
        if len(strongest) < 2:
            return Absent("it takes two factors that vary")
        return _of_grid(response, *sorted(strongest[:2], key=lambda one: one.values is None))
    if view.sampling == "lines":
        return Absent("one factor at a time never varies two together")
    ranges = [factor for factor in strongest if factor.values is not None and len(factor.levels) > 2]
    if len(ranges) < 2:
        return Absent("it takes two factors that are numbers with more than two values")
    return _of_sample(view, response, *ranges[:2])


def _of_grid(response: ResponseView, across: FactorView, up: FactorView) -> Surface:
    shape = len(up.levels), len(across.levels)
    count, known = shape[0] * shape[1], response.known
    cells = (up.codes * shape[1] + across.codes)[known]
    with np.errstate(invalid="ignore"):  # a cell without a value stays empty
        means = np.bincount(cells, response.values[known], count) / np.bincount(cells, minlength=count)
    return Surface(across, up, _axis(across), _axis(up), means.reshape(shape), None)


def _axis(factor: FactorView) -> Sequence[float | str]:
    return factor.levels if factor.values is None else [float(one) for one in np.unique(factor.values)]


def _of_sample(view: StudyView, response: ResponseView, across: FactorView, up: FactorView) -> Surface | Absent:
    rows = np.flatnonzero(response.known)
    if len(rows) < max(LEAST_ROWS, 3 * len(view.varied)):
        return Absent(f"{len(rows)} rows have a value; a fit needs {max(LEAST_ROWS, 3 * len(view.varied))}")
    draw = stream(0, "surface", response.name)
    rows = np.sort(draw.permutation(rows)[:_MOST_ROWS])
    places, values = _places(view, rows), response.values[rows]
    smoothing, skill = _chosen(places, values, draw.permutation(len(rows)) % _FOLDS)
    if skill < LEAST_SKILL:
        return Absent(f"a smooth fit explains {max(0.0, 100 * skill):.0f} % of rows that it was not shown: too little")
    fit = RBFInterpolator(places, values, smoothing=smoothing)
    x, y = _steps(across), _steps(up)
    grid = np.stack(np.meshgrid(_scaled(across, x), _scaled(up, y)), axis=-1).reshape(-1, 2)
    others = places[draw.permutation(len(rows))[:_SAMPLE]]
    at = np.repeat(others[None], len(grid), axis=0)
    at[..., [_place(view, across), _place(view, up)]] = grid[:, None, :]
    means = fit(at.reshape(-1, places.shape[1])).reshape(len(grid), len(others)).mean(axis=1)
    return Surface(across, up, [float(one) for one in x], [float(one) for one in y], means.reshape(STEPS, STEPS), skill)


def _steps(factor: FactorView) -> Floats:
    assert factor.values is not None
    low, high = float(factor.values.min()), float(factor.values.max())
    return np.geomspace(low, high, STEPS) if factor.log else np.linspace(low, high, STEPS)


def _scaled(factor: FactorView, values: Floats) -> Floats:
    """Return values from 0 to 1 on the factor's scale."""
    assert factor.values is not None
    of = np.log if factor.log else np.asarray
    low, high = of(factor.values.min()), of(factor.values.max())
    return np.asarray((of(values) - low) / (high - low))


def _place(view: StudyView, factor: FactorView) -> int:
    numbers = [one for one in view.varied if one.values is not None]
    return numbers.index(factor)


def _places(view: StudyView, rows: Codes) -> Floats:
    """Return ``[row, column]``: numbers scaled, and of every other factor a column for each level but the first."""
    numbers = [_scaled(one, one.values)[rows] for one in view.varied if one.values is not None]
    texts = [one for one in view.varied if one.values is None]
    dummies = [np.eye(len(one.levels))[one.codes[rows]][:, 1:] for one in texts]
    return np.column_stack([*numbers, *dummies])


def _chosen(places: Floats, values: Floats, fold: Codes) -> tuple[float, float]:
    """Return the smoothing that predicts left-out rows best, and which share of their variance it does."""
    skills = [_skill(places, values, fold, smoothing) for smoothing in _SMOOTHINGS]
    best = int(np.argmax(skills))
    return _SMOOTHINGS[best], skills[best]


def _skill(places: Floats, values: Floats, fold: Codes, smoothing: float) -> float:
    left = 0.0
    for number in range(_FOLDS):
        out = fold == number
        try:
            fit = RBFInterpolator(places[~out], values[~out], smoothing=smoothing)
        except (np.linalg.LinAlgError, ValueError):  # the rows lie in a plane
            return -np.inf
        left += float(np.sum((fit(places[out]) - values[out]) ** 2))
    return 1.0 - left / float(np.sum((values - values.mean()) ** 2))
