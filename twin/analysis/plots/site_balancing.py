"""Balancing duty of every cell of one site."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.traces import figure
from twin.analysis.view import RunView


class SiteBalancing(Plot):
    """Which cells were balanced, when."""

    section = "site"
    order = 7
    title = "Balancing"
    note = "Share of time for which a cell's balancing resistor is on. Module.cell on the vertical axis."
    needs = ("bleed",)

    def draw(self, run: RunView) -> go.Figure:
        """Draw a row a cell."""
        slots = run.slots_in_depth()
        duty = run.fleet.buckets.mean(run.of_site("bleed")[slots])
        names = [f"{slot + 1}.{cell + 1}" for slot in slots for cell in range(duty.shape[1])]
        drawn = figure("module.cell", height=120 + 13 * len(names))
        drawn.add_trace(
            go.Heatmap(
                x=run.fleet.clock_ms,
                y=names,
                z=(100.0 * duty.reshape(len(names), -1)).astype(np.float32),
                colorscale=[[0.0, "rgba(138,143,152,0.12)"], [1.0, "#3b82c4"]],
                zmin=0,
                zmax=100,
                colorbar={"title": {"text": "%"}, "thickness": 12},
                hovertemplate="module.cell %{y}, %{x|%H:%M}: %{z:.0f} %<extra></extra>",
            )
        )
        drawn.update_xaxes(showgrid=False).update_yaxes(type="category", autorange="reversed", showgrid=False)
        return drawn.update_layout(hovermode="closest")
