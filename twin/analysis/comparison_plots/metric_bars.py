"""Every metric of a case that counts: means and their intervals."""

from __future__ import annotations

import math
from textwrap import wrap

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from twin.analysis.comparison import Case, Comparison, Row
from twin.analysis.comparison_plot import CasePlot, colour_of

_COLUMNS = 4


class MetricBars(CasePlot):
    """A panel a metric, a bar a variant."""

    order = 1
    title = "Metrics side by side"
    note = (
        "Means over the sites or faults for which every variant has a value, and their 95 % intervals. An arrow says "
        "which way is better, a star marks what matters most."
    )

    def draw(self, comparison: Comparison, case: Case) -> go.Figure | None:
        """Draw the panels in the order of the tables."""
        rows = [row for row in comparison.rows if row.case is case and row.weight > 0.0]
        if not rows:
            return None
        lines = math.ceil(len(rows) / _COLUMNS)
        titles = [_title(row) for row in rows]
        spacing = {"vertical_spacing": 0.42 / (lines + 0.6), "horizontal_spacing": 0.07}
        drawn = make_subplots(lines, _COLUMNS, subplot_titles=titles, **spacing)
        drawn.update_layout(height=60 + 200 * lines, showlegend=False, bargap=0.35)
        drawn.update_annotations(font_size=12)
        for place, row in enumerate(rows):
            _panel(drawn, comparison, row, place // _COLUMNS + 1, place % _COLUMNS + 1)
        return drawn


def _title(row: Row) -> str:
    star = "★ " if row.name == row.case.matters else ""
    arrow = "↑" if row.metric.better == "higher" else "↓"
    unit = "%" if row.metric.percent else row.metric.unit
    lines = "<br>".join(wrap(row.metric.title, 26))  # a panel is narrow
    return f"{star}{lines}{'' if unit == '1' else f', {unit}'} {arrow}"


def _panel(drawn: go.Figure, comparison: Comparison, row: Row, line: int, column: int) -> None:
    scale = 100.0 if row.metric.percent else 1.0
    variants = list(row.judged)
    ends = [row.interval(name) for name in variants]
    bars = go.Bar(
        x=variants,
        y=[scale * mean for mean in row.means],
        marker_color=[colour_of(comparison, name) for name in variants],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [scale * (high - mean) for (_, high), mean in zip(ends, row.means, strict=True)],
            "arrayminus": [scale * (mean - low) for (low, _), mean in zip(ends, row.means, strict=True)],
            "thickness": 1.4,
            "color": "#8a8f98",
        },
        hovertemplate="%{x}: %{y:.4~g}<extra></extra>",
    )
    drawn.add_trace(bars, row=line, col=column)
    nothing = {} if np.any(row.means > 0) else {"range": [0, 1]}
    drawn.update_yaxes(rangemode="tozero", row=line, col=column, **nothing)
