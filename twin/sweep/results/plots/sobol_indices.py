"""Sobol indices of a response, with their confidence."""

from __future__ import annotations

import plotly.graph_objects as go

from twin.analysis.traces import BLUE, GREY, ORANGE
from twin.sweep.results.indices import indices
from twin.sweep.results.plot import ResponsePlot
from twin.sweep.results.view import Absent, ResponseView, StudyView


class SobolIndices(ResponsePlot):
    """Two bars a factor: what it explains alone, and with all others."""

    order = 4
    title = "Sobol indices"
    note = (
        "First order: share of the variance that would go if the factor were fixed. Total: what would be left if all "
        "others were fixed; the difference is what it does together with others. Bars: 95 % intervals."
    )

    def draw(self, view: StudyView, response: ResponseView) -> go.Figure | Absent:
        """Draw the factor with the largest total index first."""
        found = indices(view, response)
        if isinstance(found, Absent):
            return found
        names = [found.names[place] for place in found.order]
        drawn = go.Figure(layout={"height": 340, "barmode": "group"})
        for title, values, halves, colour in (
            ("first order", found.first, found.first_half, BLUE),
            ("total", found.total, found.total_half, ORANGE),
        ):
            drawn.add_bar(
                x=names,
                y=[float(values[place]) for place in found.order],
                error_y={
                    "array": [float(halves[place]) for place in found.order],
                    "thickness": 1.3,
                    "width": 4,
                    "color": GREY,
                },
                customdata=[float(halves[place]) for place in found.order],
                name=title,
                marker_color=colour,
                hovertemplate=f"%{{x}}, {title}: %{{y:.3f}} ± %{{customdata:.3f}}<extra></extra>",
            )
        drawn.update_xaxes(type="category")
        return drawn.update_yaxes(title_text="share of the variance", rangemode="tozero")
