"""What each factor does to a response."""

from __future__ import annotations

import math
from textwrap import wrap

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from twin.analysis.traces import BLUE
from twin.sweep.results.effects import Effect, effects
from twin.sweep.results.plot import ResponsePlot, axis_of
from twin.sweep.results.view import Absent, ResponseView, StudyView

_COLUMNS = 4
_MOST = 12


class MainEffects(ResponsePlot):
    """A panel a factor: means by level, on one axis for all."""

    order = 1
    title = "Main effects"
    least_width_px = 620

    def noted(self, view: StudyView) -> str:
        """Say what is averaged over what."""
        bars = " Bars are 95 % intervals by the scatter of the seeds." if view.study.replications > 1 else ""
        if view.sampling == "lines":
            return f"The response at each level of a factor, with the others at the reference.{bars}"
        means = "Mean of the response at each level of a factor, over all that the other factors were"
        if view.gridded or view.sampling == "complete":
            return f"{means}; in %, what the factor explains alone of the variance between rows.{bars}"
        return (
            f"{means}; ranges are cut into parts with equally many rows. In %: what the factor explains alone of the "
            "variance, a range by a curve. Bars are 95 % intervals by the scatter of rows."
        )

    def draw(self, view: StudyView, response: ResponseView) -> go.Figure | Absent:
        """Draw the strongest factors first."""
        found = effects(view, response)
        if isinstance(found, Absent):
            return found
        shown = found[:_MOST]
        columns = min(_COLUMNS, len(shown))
        lines = math.ceil(len(shown) / columns)
        drawn = make_subplots(
            lines,
            columns,
            shared_yaxes=True,
            subplot_titles=[_title(effect) for effect in shown],
            horizontal_spacing=0.03,
            vertical_spacing=0.34 / (lines + 0.4),
        )
        drawn.update_layout(height=90 + 210 * lines, showlegend=False)
        drawn.update_annotations(font_size=12)
        for place, effect in enumerate(shown):
            line, column = place // columns + 1, place % columns + 1
            drawn.add_trace(_line(effect), row=line, col=column)
            drawn.update_xaxes(**axis_of(effect.factor), row=line, col=column)
            drawn.update_yaxes(title_text="<br>".join(wrap(response.axis, 26)), row=line, col=1)
        return drawn


def _title(effect: Effect) -> str:
    name = "<br>".join(wrap(effect.factor.name, 26))
    return name if math.isnan(effect.share) else f"<b>{name}</b>  {100 * effect.share:.0f} %"


def _line(effect: Effect) -> go.Scatter:
    scale = effect.response.scale
    text = effect.factor.values is None
    said = f"{effect.factor.name} %{{customdata[0]}}: %{{customdata[1]}} (%{{customdata[2]}} rows)<extra></extra>"
    half = np.array([level.high - level.mean for level in effect.levels])
    return go.Scatter(
        x=[level.label if text else level.place for level in effect.levels],
        y=[scale * level.mean for level in effect.levels],
        customdata=[[level.label, effect.response.said(level.mean), level.count] for level in effect.levels],
        error_y={"array": scale * np.nan_to_num(half), "thickness": 1.2, "width": 3},
        mode="markers" if text else "lines+markers",
        marker={"size": 8 if text else 6},
        line={"color": BLUE, "width": 2},
        hovertemplate=said,
    )
