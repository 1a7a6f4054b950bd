"""How the cells of each variant come together."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go

from twin.analysis.balancing import spread
from twin.analysis.comparison import Case, Comparison, JudgedRun
from twin.analysis.comparison_plot import CasePlot, colour_of
from twin.analysis.thinning import Buckets, Floats
from twin.analysis.traces import GREY

MOVED: Final = 0.97
"""Where the spread stays above this share of what it was in every run, nothing was balanced that could be shown."""


class BalancingCurves(CasePlot):
    """Spread of the true state of charge over time, the mean of all sites' worst modules."""

    order = 6
    title = "Balancing"
    note = "Highest minus lowest true state of charge of cells that share a current, mean of the worst modules."

    def draw(self, comparison: Comparison, case: Case) -> go.Figure | None:
        """Draw a line a variant, and the band in which cells count as balanced."""
        if not any(comparison.row(case, name).weight > 0.0 for name in ("balancing_time", "balancing_rate")):
            return None
        curves = {variant: _curve(run) for variant, run in case.runs.items()}
        if all(curve[-1] > MOVED * curve[0] for _, curve in curves.values()):
            return None
        drawn = go.Figure(layout={"height": 320, "hovermode": "x unified"})
        for variant, (hours, curve) in curves.items():
            drawn.add_scatter(
                x=hours,
                y=100.0 * curve,
                name=variant,
                mode="lines",
                line={"color": colour_of(comparison, variant), "width": 2},
                hovertemplate=f"{variant}: %{{y:.3~g}} %<extra></extra>",
            )
        band = 100.0 * next(iter(case.runs.values())).evidence.rules.balancing_band
        drawn.add_hline(y=band, line={"dash": "dot", "width": 1.2, "color": GREY})
        drawn.update_xaxes(title_text="h since the start")
        return drawn.update_yaxes(title_text="spread of SOC, %", rangemode="tozero")


def _curve(run: JudgedRun) -> tuple[Floats, Floats]:
    evidence = run.evidence
    buckets = Buckets(len(evidence.run.time_s), 300)
    curves = []
    for block in evidence.blocks("soc"):
        soc = block.values[0].astype(np.float64)
        apart = spread(soc, evidence.pack_of, together=evidence.contactors.series)
        curves.append(buckets.mean(np.nanmax(apart, axis=1)))
    return evidence.run.time_s[buckets.starts] / 3600.0, np.nanmean(np.concatenate(curves), axis=0)
