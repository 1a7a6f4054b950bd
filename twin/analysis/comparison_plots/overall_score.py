"""The overall score of each variant, and what it consists of."""

from __future__ import annotations

from collections import defaultdict

import plotly.graph_objects as go

from twin.analysis.comparison import Comparison
from twin.analysis.comparison_plot import STACKED, ComparisonPlot
from twin.analysis.ranking import Ranking
from twin.analysis.traces import PALETTE


class OverallScore(ComparisonPlot):
    """Stacked bars: how much each case adds to a variant's score."""

    order = 1
    title = "Overall score"
    note = "Weighted mean over all metrics that count, 1: the best in everything. Each case adds its part."

    def draw(self, comparison: Comparison, ranking: Ranking) -> go.Figure | None:
        """Draw a bar a variant, the best on top."""
        parts: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(comparison.variants, 0.0))
        by_case = len(comparison.cases) > 1
        for row, scores in zip(ranking.rows, ranking.scores, strict=True):
            part = row.case.title if by_case else row.metric.group
            for variant, score in zip(comparison.variants, scores, strict=True):
                parts[part][variant] += row.weight * float(score)
        drawn = go.Figure(layout={"height": 150 + 44 * len(comparison.variants)} | STACKED)
        order = list(reversed(ranking.order))
        for place, (part, scores_of) in enumerate(parts.items()):
            drawn.add_bar(
                x=[scores_of[name] for name in order],
                y=order,
                name=part,
                orientation="h",
                marker_color=PALETTE[place % len(PALETTE)],
                hovertemplate=f"%{{y}}, {part}: %{{x:.3f}}<extra></extra>",
            )
        totals = [ranking.score(name) for name in order]
        for name, total in zip(order, totals, strict=True):
            text = f"<b>{total:.2f}</b>  first in {100 * ranking.chance(name):.0f} %"
            drawn.add_annotation(x=total, y=name, text=text, showarrow=False, xanchor="left", xshift=6)
        drawn.update_xaxes(range=[0, 1.32 * max(totals)], title_text="score")
        return drawn.update_yaxes(type="category")
