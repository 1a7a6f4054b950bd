"""Currents of the modules of one site."""

from __future__ import annotations

import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.traces import PALETTE, figure, line, mark_events
from twin.analysis.view import RunView, module_name


class SiteCurrent(Plot):
    """How the modules share the current."""

    section = "site"
    order = 2
    title = "Module currents"
    note = "Positive discharges. Modules of a pack are in parallel: what one leaves, the others take."
    needs = ("current_A",)

    def draw(self, run: RunView) -> go.Figure:
        """Draw a line a module."""
        drawn = figure("current, A")
        for slot, current_A in enumerate(run.of_site("current_A")):
            colour = PALETTE[slot % len(PALETTE)]
            drawn.add_trace(line(run.clock_ms, current_A, module_name(slot), colour, unit="A", width=1.3))
        mark_events(drawn, run)
        return drawn
