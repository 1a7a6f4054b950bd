"""Which factor matters for what."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from twin.sweep.results.effects import Effect, effects
from twin.sweep.results.indices import Indices, indices
from twin.sweep.results.plot import StudyPlot, fields
from twin.sweep.results.view import Absent, ResponseView, StudyView


class Importance(StudyPlot):
    """A field a factor and response."""

    order = 1
    title = "What matters for what"
    note = (
        "How much of each response a factor makes, in %: total Sobol indices where the design permits, else the share "
        "of the variance that it explains alone; of one factor at a time, its span beside the largest one."
    )

    def draw(self, view: StudyView) -> go.Figure | Absent:
        """Draw a column a response; factors that matter most stand on top."""
        columns = {response.title: _shares(view, response) for response in view.responses}
        columns = {title: column for title, column in columns.items() if column}
        if not columns:
            return Absent("no response has values that differ from row to row")
        names = list(dict.fromkeys(name for column in columns.values() for name in column))
        shares = np.array([[column.get(name, math.nan) for column in columns.values()] for name in names])
        if np.isnan(shares).all():
            return Absent("there are too few rows to say how much a factor explains")
        shares = shares[(order := np.argsort(-np.nanmean(shares, axis=1), kind="stable"))]
        texts = [[f"{100 * share:.0f}" for share in line] for line in shares]
        return fields(shares, list(columns), [names[place] for place in order], texts)


def _shares(view: StudyView, response: ResponseView) -> dict[str, float]:
    sobol = indices(view, response)
    if isinstance(sobol, Indices):
        return dict(zip(sobol.names, np.clip(sobol.total, 0.0, None).tolist(), strict=True))
    found = effects(view, response)
    if isinstance(found, Absent):
        return {}
    return {one.factor.name: _of(one, found) for one in found}


def _of(effect: Effect, found: tuple[Effect, ...]) -> float:
    if not math.isnan(effect.share) or (effect.factor.levels and found[0].share == found[0].share):
        return effect.share
    most = max(one.span for one in found)
    return effect.span / most if most > 0.0 else math.nan
