"""Cell temperatures of one site."""

from __future__ import annotations

import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.traces import BLUE, TEAL, cell_lines, figure_by_module, line, mark_events
from twin.analysis.view import RunView


class SiteCellTemperature(Plot):
    """Which cell runs away from the others."""

    section = "site"
    order = 5
    title = "Cell temperatures"
    note = (
        "In colour: cells that events name, or else the one that is furthest from its module's mean. Grey: the others."
    )
    needs = ("temperature_K",)

    def draw(self, run: RunView) -> go.Figure:
        """Draw a plot a module: a line a cell, the housing and the ambient."""
        slots = run.slots_in_depth()
        drawn = figure_by_module(slots, "temperature, °C")
        temperature_degC = run.of_site("temperature_K") - 273.15
        for row, slot in enumerate(slots, start=1):
            traces = cell_lines(run, slot, temperature_degC[slot], "°C")
            if run.has("housing_K"):
                housing_degC = run.of_site("housing_K")[slot] - 273.15
                traces.append(
                    line(run.clock_ms, housing_degC, "housing", BLUE, unit="°C", legend=row == 1, dash="dash")
                )
            if run.has("ambient_K"):
                ambient_degC = run.of_site("ambient_K") - 273.15
                traces.append(
                    line(run.clock_ms, ambient_degC, "ambient", TEAL, unit="°C", legend=row == 1, dash="dash")
                )
            for trace in traces:
                drawn.add_trace(trace, row=row, col=1)
        mark_events(drawn, run)
        return drawn
