"""What must be given up of one objective to gain in another."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from twin.analysis.traces import BLUE, GREY, ORANGE
from twin.sweep.results.pareto import best_rows
from twin.sweep.results.plot import StudyPlot
from twin.sweep.results.view import Absent, Booleans, ResponseView, StudyView

_MOST_PANELS = 6


class ParetoFront(StudyPlot):
    """A panel a pair of objectives, a dot a row."""

    order = 2
    title = "Pareto front"
    note = (
        "Orange: rows that no other beats, in all objectives together; whoever wants more of one must give up some of "
        "another. Grey: a constraint is broken."
    )

    def draw(self, view: StudyView) -> go.Figure | Absent:
        """Draw the first objectives against each other."""
        if len(view.objectives) < 2:
            return Absent(f"it takes two responses with an objective; this study has {len(view.objectives)}")
        best = best_rows(view)
        if isinstance(best, Absent):
            return best
        on_front = np.isin(np.arange(len(view.rows)), best)
        pairs = list(combinations(view.objectives, 2))[:_MOST_PANELS]
        columns = min(len(pairs), 3)
        lines = -(-len(pairs) // columns)
        drawn = make_subplots(lines, columns, horizontal_spacing=0.09)
        drawn.update_layout(height=90 + 350 * lines, hovermode="closest")
        for place, (across, up) in enumerate(pairs):
            at = {"row": place // columns + 1, "col": place % columns + 1}
            for trace in _dots(view, across, up, on_front, first=place == 0):
                drawn.add_trace(trace, **at)
            drawn.update_xaxes(title_text=f"{across.axis} {_arrow(across)}", **at)
            drawn.update_yaxes(title_text=f"{up.axis} {_arrow(up)}", **at)
        return drawn


def _arrow(response: ResponseView) -> str:
    return "(less is better)" if response.objective == "minimize" else "(more is better)"


def _dots(
    view: StudyView, across: ResponseView, up: ResponseView, on_front: Booleans, *, first: bool
) -> list[go.Scatter]:
    groups = (
        ("constraint broken", ~view.feasible, GREY, 5),
        ("row", view.feasible & ~on_front, BLUE, 6),
        ("Pareto front", on_front, ORANGE, 9),
    )
    return [
        go.Scatter(
            x=across.scale * across.values[chosen],
            y=up.scale * up.values[chosen],
            mode="markers",
            name=name,
            legendgroup=name,
            showlegend=first,
            marker={"color": colour, "size": size, "opacity": 1.0 if name == "Pareto front" else 0.55},
            text=[f"row {view.rows['row'][row]}: {view.said(int(row))}" for row in np.flatnonzero(chosen)],
            hovertemplate="%{text}<br>%{x:.4~g}, %{y:.4~g}<extra></extra>",
        )
        for name, mask, colour, size in groups
        if (chosen := mask & across.known & up.known).any()
    ]
