"""What diagnostic transparency consists of."""

from __future__ import annotations

import plotly.graph_objects as go

from twin.analysis.comparison import Case, Comparison
from twin.analysis.comparison_plot import LEAST_FAULTS, CasePlot, colour_of


class TransparencyParts(CasePlot):
    """Grouped bars: the four parts and their mean, a bar a variant."""

    order = 3
    title = "Diagnostic transparency and its parts"
    note = (
        "Share of the injected faults that were seen, how much of their place was named, whether by a right code, and "
        "how promptly; the score is the mean of the four."
    )

    def draw(self, comparison: Comparison, case: Case) -> go.Figure | None:
        """Draw a group a part."""
        row = comparison.row(case, "transparency")
        if not row.comparable or len(row.samples[0].keys) < LEAST_FAULTS:
            return None
        drawn = go.Figure(layout={"height": 330, "barmode": "group"})
        names = [part.title for part in row.metric.parts.values()]
        for variant, sample in zip(row.judged, row.samples, strict=True):
            shares = [100.0 * float(sample.parts[part].mean()) for part in row.metric.parts]
            drawn.add_bar(
                x=[*names, "<b>Score</b>"],
                y=[*shares, 100.0 * float(sample.values.mean())],
                name=variant,
                marker_color=colour_of(comparison, variant),
                texttemplate="%{y:.0f}",
                textposition="outside",
                cliponaxis=False,
                hovertemplate=f"{variant}, %{{x}}: %{{y:.1f}} %<extra></extra>",
            )
        return drawn.update_yaxes(title_text="%", range=[0, 108])
