"""All rows at once: a line a row, an axis a factor and response."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from twin.analysis.traces import BLUE, GREY, ORANGE
from twin.sweep.results.answer import chosen
from twin.sweep.results.plot import StudyPlot
from twin.sweep.results.view import Absent, FactorView, ResponseView, StudyView

_MOST_AXES = 12
_MOST_ROWS = 3000
_MOST_TICKS = 12
_MOST_LABEL = 16
_COLOURS = [[0.0, BLUE], [0.5, GREY], [1.0, ORANGE]]
"""Thin lines of them can be seen on white and on black."""


class ParallelCoordinates(StudyPlot):
    """Lines of all rows, coloured by the first response that matters."""

    order = 3
    title = "Parallel coordinates"
    note = (
        "A line a row. Drag along an axis to keep the rows that pass there, on as many axes as you like; click beside "
        "the mark to have all again; drag an axis's name to move it."
    )
    least_width_px = 760

    def draw(self, view: StudyView) -> go.Figure | Absent:
        """Draw factors first, then responses."""
        responses = [one for one in chosen(view) if one.known.any() and not one.constant]
        if not responses:
            return Absent("no response has values that differ from row to row")
        rows = np.flatnonzero(np.all([one.known for one in responses], axis=0))
        if not len(rows):
            return Absent("no row has a value of every response")
        if len(rows) > _MOST_ROWS:
            rows = rows[np.linspace(0, len(rows) - 1, _MOST_ROWS).astype(int)]
        factors = view.varied[: max(_MOST_AXES - len(responses), 1)]
        drawn = go.Figure(layout={"height": 470})
        drawn.add_parcoords(
            dimensions=[*(_factor(one, rows) for one in factors), *(_response(one, rows) for one in responses)],
            line={
                "color": responses[0].scale * responses[0].values[rows],
                "colorscale": _COLOURS,
                "reversescale": responses[0].objective == "minimize",
                "showscale": True,
                "colorbar": {"thickness": 12, "title": {"text": responses[0].axis, "side": "right"}},
            },
            labelangle=-14,
            rangefont={"color": "rgba(0,0,0,0)"},
            domain={"x": [0.06, 0.93], "y": [0.0, 0.86]},
            unselected={"line": {"color": "rgba(138,143,152,0.25)", "opacity": 0.1}},
        )
        return drawn


def _factor(factor: FactorView, rows: np.ndarray) -> dict[str, object]:
    if factor.values is None or (not factor.continuous and len(factor.levels) <= _MOST_TICKS):
        ticks = list(range(len(factor.levels)))
        names = [one if len(one) <= _MOST_LABEL else f"{one[: _MOST_LABEL - 1]}…" for one in factor.levels]
        return {"label": factor.name, "values": factor.codes[rows], "tickvals": ticks, "ticktext": names}
    if factor.log:
        low, high = np.log10(factor.values.min()), np.log10(factor.values.max())
        marks = np.linspace(low, high, 5)
        texts = [f"{10.0**mark:.3g}" for mark in marks]
        return {"label": factor.name, "values": np.log10(factor.values[rows]), "tickvals": marks, "ticktext": texts}
    return {"label": factor.name, "values": factor.values[rows]}


def _response(response: ResponseView, rows: np.ndarray) -> dict[str, object]:
    return {"label": response.axis, "values": response.scale * response.values[rows]}
