"""What the time to isolate consists of."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from twin.analysis.comparison import Case, Comparison
from twin.analysis.comparison_plot import STACKED, CasePlot
from twin.analysis.metrics.time_to_isolate import TERMS
from twin.analysis.traces import BLUE, GREEN, ORANGE, RED, VIOLET


class IsolationTerms(CasePlot):
    """Stacked bars of the mean terms, a bar a variant."""

    order = 2
    title = "Time to isolate, term by term"
    note = (
        "Means over the hazards that every variant isolated and of which every log tells the terms. Sampling ends with "
        "the first sample beyond the fatal limit, so for faults that grow it holds the physics, too."
    )

    def draw(self, comparison: Comparison, case: Case) -> go.Figure | None:
        """Draw the terms in the order of time."""
        row = comparison.row(case, "time_to_isolate")
        if not row.comparable:
            return None
        known = np.all([np.isfinite(sample.parts["sampling"]) for sample in row.samples], axis=0)
        if not known.any():
            return None
        metric, variants = row.metric, list(row.judged)
        drawn = go.Figure(layout={"height": 150 + 44 * len(variants)} | STACKED)
        for term, colour in zip(TERMS, (BLUE, VIOLET, GREEN, ORANGE, RED), strict=True):
            drawn.add_bar(
                x=[float(sample.parts[term][known].mean()) for sample in reversed(row.samples)],
                y=variants[::-1],
                orientation="h",
                name=metric.parts[term].title,
                marker_color=colour,
                hovertemplate=f"%{{y}}, {metric.parts[term].title}: %{{x:.4~g}} s<extra></extra>",
            )
        drawn.update_xaxes(title_text=f"s, mean of {int(known.sum())} hazards")
        return drawn.update_yaxes(type="category")
