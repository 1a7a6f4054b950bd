"""Which factor matters for what."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import plotly.graph_objects as go

from twin.sweep.results.effects import Effect, effects
from twin.sweep.results.indices import Indices, indices
from twin.sweep.results.plot import StudyPlot, fields
from twin.sweep.results.view import Absent, ResponseView, StudyView

_NOTHING: Final = (math.nan, "")


class Importance(StudyPlot):
    """A field a factor and response."""

    order = 1
    title = "What matters for what"
    least_width_px = 620

    def noted(self, view: StudyView) -> str:
        """Say what the numbers are."""
        if view.sampling == "blocks":
            return "Total Sobol indices in %: what would be left of the variance if all other factors were fixed."
        if view.sampling == "lines":
            return "How far a factor moves the response from end to end, in % of the factor that moves it most."
        alone = "Share of the variance between rows that a factor explains alone, in %"
        return f"{alone}, of all levels." if view.sampling == "complete" else f"{alone}; below it the 95 % interval."

    def draw(self, view: StudyView) -> go.Figure | Absent:
        """Draw a column a response; factors that matter most stand on top."""
        columns = {one.title: _shares(view, one) for one in view.responses}
        columns = {title: column for title, column in columns.items() if column}
        if not columns:
            return Absent("no response has values that differ from row to row")
        names = list(dict.fromkeys(name for column in columns.values() for name in column))
        cells = [[column.get(name, _NOTHING) for column in columns.values()] for name in names]
        shares = np.array([[share for share, _ in line] for line in cells])
        if np.isnan(shares).all():
            return Absent("there are too few rows to say how much a factor explains")
        order = np.argsort(-np.nan_to_num(shares).mean(axis=1), kind="stable")
        texts = [[text for _, text in cells[place]] for place in order]
        return fields(shares[order], list(columns), [names[place] for place in order], texts)


def _shares(view: StudyView, response: ResponseView) -> dict[str, tuple[float, str]]:
    """Return what is drawn by factor, and its text."""
    sobol = indices(view, response)
    if isinstance(sobol, Indices):
        halves = zip(sobol.total.tolist(), sobol.total_half.tolist(), strict=True)
        texts = ((max(0.0, total), f"{100 * total:.0f} ± {100 * half:.0f}") for total, half in halves)
        return dict(zip(sobol.names, texts, strict=True))
    found = effects(view, response)
    if isinstance(found, Absent):
        return {}
    return {one.factor.name: _of(one, found) for one in found}


def _of(effect: Effect, found: tuple[Effect, ...]) -> tuple[float, str]:
    if math.isnan(effect.share):
        most = max(one.span for one in found)
        share = effect.span / most if most > 0.0 else math.nan
        return share, f"{100 * share:.0f}"
    if math.isnan(effect.low):
        return effect.share, f"{100 * effect.share:.0f}"
    interval = f"{100 * effect.low:.0f}–{100 * effect.high:.0f}"
    return effect.share, f'{100 * effect.share:.0f}<br><span style="font-size:10px">{interval}</span>'
