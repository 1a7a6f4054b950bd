"""State of charge of one site: true, and as its BMS believes."""

from __future__ import annotations

import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.traces import GREY, PALETTE, band, figure, line
from twin.analysis.view import RunView, module_name


class SiteSoc(Plot):
    """How far the BMS's belief is from the truth."""

    section = "site"
    order = 3
    title = "State of charge, true and believed"
    note = "Band: the true cells of a module. Line: its monitor's estimate. Dashed: what the pack controller believes."
    needs = ("soc|module_soc|pack_soc",)

    def draw(self, run: RunView) -> go.Figure:
        """Draw a band and a line a module, and the pack's belief."""
        drawn = figure("state of charge, %")
        for slot in run.slots_in_depth():
            colour, name = PALETTE[slot % len(PALETTE)], module_name(slot)
            if run.has("soc"):
                true = 100.0 * run.of_site("soc")[slot]
                low, high = run.fleet.buckets.lowest(true.min(axis=0)), run.fleet.buckets.highest(true.max(axis=0))
                drawn.add_traces(band(run.fleet.clock_ms, low, high, f"{name}, true cells", colour, 0.25))
            if run.has("module_soc"):
                estimate = 100.0 * run.of_site("module_soc")[slot]
                drawn.add_trace(line(run.clock_ms, estimate, f"{name}, estimate", colour, unit="%"))
        if run.has("pack_soc"):
            belief = 100.0 * run.of_site("pack_soc")
            drawn.add_trace(line(run.clock_ms, belief, "pack controller", GREY, unit="%", dash="dash"))
        return drawn
