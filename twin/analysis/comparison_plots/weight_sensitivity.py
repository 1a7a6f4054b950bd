"""How the overall scores move with the weight on which the ranking hangs most."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from twin.analysis.comparison import Comparison
from twin.analysis.comparison_plot import ComparisonPlot, colour_of
from twin.analysis.ranking import Ranking


class WeightSensitivity(ComparisonPlot):
    """Scores over the weight of one metric, all others keeping their proportions."""

    order = 2
    title = "What the ranking hangs on"
    note = (
        "Overall scores if a single metric had another weight; the others keep their proportions. Drawn for the metric "
        "of which the least change makes another win. The dotted line is the weight as it is."
    )

    def draw(self, comparison: Comparison, ranking: Ranking) -> go.Figure | None:
        """Draw a line a variant."""
        if not ranking.weight_flips:
            return None
        flip = ranking.weight_flips[0]
        place, weight = ranking.rows.index(flip.row), flip.row.weight
        drawn = go.Figure(layout={"height": 320, "hovermode": "x unified"})
        shares = np.linspace(0.0, 1.0, 51)
        rest = (ranking.overall - weight * ranking.scores[place]) / (1.0 - weight)
        for variant, own, others in zip(comparison.variants, ranking.scores[place], rest, strict=True):
            drawn.add_scatter(
                x=100 * shares,
                y=shares * own + (1.0 - shares) * others,
                name=variant,
                mode="lines",
                line={"color": colour_of(comparison, variant), "width": 2.2},
                hovertemplate=f"{variant}: %{{y:.3f}}<extra></extra>",
            )
        drawn.add_vline(x=100 * weight, line={"width": 1, "dash": "dot", "color": "#8a8f98"})
        title = f"weight of {flip.row.metric.title.lower()} ({flip.row.case.title}), %"
        drawn.update_xaxes(title_text=title)
        return drawn.update_yaxes(title_text="overall score")
