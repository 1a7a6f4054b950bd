"""Load of the CAN buses."""

from __future__ import annotations

import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.traces import GREY, ORANGE, TEAL, figure, line, quantile_bands
from twin.analysis.view import RunView
from twin.errors import InputError


class BusLoad(Plot):
    """How busy the buses are."""

    section = "bus"
    order = 1
    title = "Bus load"
    note = (
        "Share of time for which a site's bus is busy; of several segments, the busiest. "
        "Dashed: what the scenario's own messages take with the longest frames, where nothing is repeated."
    )
    needs = ("bus_load",)

    def draw(self, run: RunView) -> go.Figure:
        """Draw quantiles over the sites, and the site in depth."""
        drawn = figure("busy, %", height=280)
        drawn.add_traces(quantile_bands(run.fleet.clock_ms, 100.0 * run.fleet.mean_by_site("bus_load"), TEAL, "%"))
        load = run.fleet.buckets.mean(run.of_site("bus_load"))
        drawn.add_trace(line(run.fleet.clock_ms, 100.0 * load, f"site {run.site}", ORANGE, width=1.0, unit="%"))
        if not isinstance(run.bounds, InputError):
            fullest = max(segment.utilisation for segment in run.bounds.segments)
            drawn.add_hline(y=100.0 * fullest, line={"color": GREY, "width": 1, "dash": "dash"})
        return drawn.update_yaxes(rangemode="tozero")
