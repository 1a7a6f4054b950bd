"""A response over its two strongest factors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from twin.sweep.results.effects import effects
from twin.sweep.results.pareto import ranked
from twin.sweep.results.plot import ResponsePlot, axis_of
from twin.sweep.results.surface import Surface, surface
from twin.sweep.results.view import Absent, FactorView, ResponseView, StudyView

_MOST_MARKS = 400
_MOST_NUMBERS = 100


class ResponseSurface(ResponsePlot):
    """A field of colour: cell means of a grid, contours of a fit to a sample."""

    order = 2
    title = "Response surface"
    least_width_px = 480

    def noted(self, view: StudyView) -> str:
        """Say what the field is."""
        star = " ★: the best row." if view.objectives else ""
        if view.gridded or view.sampling == "complete":
            return f"The mean over the two factors that matter most, over all levels of the others.{star}"
        return (
            "A smooth fit over the two strongest of the factors that are numbers, averaged over all others; dots are "
            f"rows, and R² says how well it predicts rows that it was not shown.{star}"
        )

    def draw(self, view: StudyView, response: ResponseView) -> go.Figure | Absent:
        """Draw the strongest factor across."""
        found = effects(view, response)
        if isinstance(found, Absent):
            return found
        shape = surface(view, response, [effect.factor for effect in found])
        if isinstance(shape, Absent):
            return shape
        drawn = go.Figure(layout={"height": 420, "hovermode": "closest", "showlegend": False})
        best = ranked(view, response, 1) if response.objective != "none" else ()
        drawn.add_trace(_field(shape, response, best))
        if shape.skill is not None:
            _add_rows(drawn, view, response, shape)
            drawn.add_annotation(
                text=f"smooth fit, cross-validated R² {shape.skill:.2f}",
                xref="paper",
                yref="paper",
                x=0,
                y=1.02,
                xanchor="left",
                yanchor="bottom",
                showarrow=False,
            )
            if best:
                _add_best(drawn, view, response, shape)
        drawn.update_xaxes(title_text=shape.across.name, showgrid=False, **axis_of(shape.across))
        return drawn.update_yaxes(title_text=shape.up.name, showgrid=False, **axis_of(shape.up))


def _field(shape: Surface, response: ResponseView, best: Sequence[int]) -> go.Heatmap | go.Contour:
    facts = {
        "x": shape.x,
        "y": shape.y,
        "z": response.scale * shape.z,
        "colorscale": "Viridis",
        "reversescale": response.objective == "minimize",
        "colorbar": {"title": {"text": response.axis, "side": "right"}, "thickness": 12},
        "hovertemplate": f"{shape.across.name} %{{x}}, {shape.up.name} %{{y}}: %{{z:.4~g}}<extra></extra>",
    }
    smooth = shape.skill is not None
    if smooth:
        return go.Contour(**facts, ncontours=18, line={"width": 0.6, "color": "rgba(255,255,255,0.5)"})
    few = shape.z.size <= _MOST_NUMBERS
    return go.Heatmap(
        **facts,
        text=_numbers(shape, response, best, few=few),
        texttemplate="%{text}",
        hoverongaps=False,
        xgap=1,
        ygap=1,
    )


def _numbers(shape: Surface, response: ResponseView, best: Sequence[int], *, few: bool) -> list[list[str]]:
    """Return the text of each cell: its mean where there are few, and a star where the best row lies."""
    stars = {(int(shape.up.codes[row]), int(shape.across.codes[row])) for row in best}
    texts = [[f"{response.scale * z:.4g}" if few and np.isfinite(z) else "" for z in line] for line in shape.z]
    return [
        [f"★ {text}".strip() if (line, column) in stars else text for column, text in enumerate(cells)]
        for line, cells in enumerate(texts)
    ]


def _at(factor: FactorView, rows: np.ndarray) -> list[float | str]:
    if factor.values is None:
        return [factor.labels[row] for row in rows]
    return [float(value) for value in factor.values[rows]]


def _add_rows(drawn: go.Figure, view: StudyView, response: ResponseView, shape: Surface) -> None:
    rows = np.flatnonzero(response.known)[:_MOST_MARKS]
    drawn.add_scatter(
        x=_at(shape.across, rows),
        y=_at(shape.up, rows),
        mode="markers",
        marker={"size": 3.5, "color": "rgba(255,255,255,0.75)", "line": {"width": 0.5, "color": "#12161c"}},
        text=[f"row {view.rows['row'][row]}: {response.said(response.values[row])}" for row in rows],
        hovertemplate="%{text}<extra></extra>",
    )


def _add_best(drawn: go.Figure, view: StudyView, response: ResponseView, shape: Surface) -> None:
    rows = np.array(ranked(view, response, 1), dtype=np.int64)
    drawn.add_scatter(
        x=_at(shape.across, rows),
        y=_at(shape.up, rows),
        mode="markers",
        marker={"symbol": "star", "size": 15, "color": "#ffffff", "line": {"width": 1.5, "color": "#12161c"}},
        text=[f"best, row {view.rows['row'][row]}: {response.said(response.values[row])}" for row in rows],
        hovertemplate="%{text}<extra></extra>",
    )
