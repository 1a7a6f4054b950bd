"""Cell voltages of one site."""

from __future__ import annotations

import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.traces import cell_lines, figure_by_module, mark_events
from twin.analysis.view import RunView


class SiteCellVoltage(Plot):
    """Which cell limits its module."""

    section = "site"
    order = 4
    title = "Cell voltages"
    note = (
        "In colour: cells that events name, or else the one that is furthest from its module's mean. Grey: the others."
    )
    needs = ("cell_voltage_V",)

    def draw(self, run: RunView) -> go.Figure:
        """Draw a plot a module, a line a cell."""
        slots = run.slots_in_depth()
        drawn = figure_by_module(slots, "voltage, V")
        voltage_V = run.of_site("cell_voltage_V")
        for row, slot in enumerate(slots, start=1):
            for trace in cell_lines(run, slot, voltage_V[slot], "V"):
                drawn.add_trace(trace, row=row, col=1)
        mark_events(drawn, run)
        return drawn
