"""Highest cell temperature of every site."""

from __future__ import annotations

import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.traces import ORANGE, TEAL, figure, line, quantile_bands
from twin.analysis.view import RunView


class FleetTemperature(Plot):
    """How hot the hottest cells are."""

    section = "fleet"
    order = 3
    title = "Hottest cell of every site"
    note = "The upper edge of the band is the hottest cell of the fleet."
    needs = ("temperature_K|housing_K",)

    def draw(self, run: RunView) -> go.Figure:
        """Draw quantiles over the sites, and the ambient."""
        drawn = figure("temperature, °C")
        if run.fleet.temperature_by_site is not None:
            drawn.add_traces(quantile_bands(run.fleet.clock_ms, run.fleet.temperature_by_site - 273.15, ORANGE, "°C"))
        if run.has("ambient_K"):
            ambient_K = run.fleet.mean_by_site("ambient_K").mean(axis=0)
            drawn.add_trace(line(run.fleet.clock_ms, ambient_K - 273.15, "ambient, mean", TEAL, unit="°C", dash="dash"))
        return drawn
