"""Which share of the faults was seen after which time."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from twin.analysis.comparison import Case, Comparison
from twin.analysis.comparison_plot import LEAST_FAULTS, CasePlot, colour_of


class DetectionCurves(CasePlot):
    """Cumulative distribution of the time to detection; what was never seen keeps a curve below 100 %."""

    order = 4
    title = "How late faults were seen"
    note = "Share of all injected faults that had been seen after a time; the rest was never seen."

    def draw(self, comparison: Comparison, case: Case) -> go.Figure | None:
        """Draw a line of steps a variant over a logarithmic time."""
        drawn = go.Figure(layout={"height": 340, "hovermode": "closest"})
        for variant, run in case.runs.items():
            seen = [one for one in run.evidence.visibilities if one.asked]
            if len(seen) < LEAST_FAULTS:
                return None
            delays_s = np.sort([one.delay_ns * 1e-9 for one in seen if one.delay_ns is not None])
            share = 100.0 * np.arange(1, len(delays_s) + 1) / len(seen)
            if len(delays_s):
                drawn.add_scatter(
                    x=np.maximum(delays_s, 1e-3),
                    y=share,
                    name=f"{variant}, {share[-1]:.0f} % in the end",
                    mode="lines",
                    line={"shape": "hv", "color": colour_of(comparison, variant), "width": 2},
                    hovertemplate=f"{variant}: %{{y:.0f}} % within %{{x:.3~g}} s<extra></extra>",
                )
        if not drawn.data:
            return None
        drawn.update_xaxes(type="log", title_text="s after the fault began")
        return drawn.update_yaxes(title_text="% of the faults", range=[0, 102])
