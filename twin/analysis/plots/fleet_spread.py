"""Cell spread of every site over time."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.traces import figure
from twin.analysis.view import RunView


class FleetSpread(Plot):
    """Which sites have cells that drift apart."""

    section = "fleet"
    order = 4
    title = "Cell spread"
    note = "Highest minus lowest cell voltage of the site's worst module. Empty: no values, as in a quarantined site."
    needs = ("cell_voltage_V",)

    def draw(self, run: RunView) -> go.Figure:
        """Draw a row a site."""
        drawn = figure("site", height=max(260, min(760, 130 + 14 * len(run.sites))))
        if run.fleet.spread is None:
            return drawn
        spread_mV = (1e3 * run.fleet.spread.by_site).astype(np.float32)
        drawn.add_trace(
            go.Heatmap(
                x=run.fleet.clock_ms,
                y=[str(site) for site in run.sites],
                z=spread_mV,
                colorscale="Viridis",
                zmin=0,
                zmax=max(1.0, float(np.nanquantile(spread_mV, 0.995))),
                colorbar={"title": {"text": "mV"}, "thickness": 12},
                hovertemplate="site %{y}, %{x|%H:%M}: %{z:.1f} mV<extra></extra>",
            )
        )
        drawn.update_xaxes(showgrid=False).update_yaxes(type="category", autorange="reversed", showgrid=False)
        return drawn.update_layout(hovermode="closest")
