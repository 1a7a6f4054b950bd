"""Power of load, photovoltaics, batteries and grid, summed over the fleet."""

from __future__ import annotations

import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.traces import BLUE, GREEN, GREY, ORANGE, figure, line
from twin.analysis.view import RunView


class FleetPower(Plot):
    """Where the power comes from and where it goes."""

    section = "fleet"
    order = 2
    title = "Power of the fleet"
    note = "Sums over all sites. Battery: positive discharges. Grid: positive is taken from it."
    needs = ("power_W",)

    def draw(self, run: RunView) -> go.Figure:
        """Draw the sums in kW."""
        drawn = figure("power, kW")
        sums = {name: run.fleet.total(name) / 1e3 for name in ("pv_W", "load_W", "power_W") if run.has(name)}
        styles = {"pv_W": ("photovoltaics", ORANGE), "load_W": ("load", GREY), "power_W": ("battery", BLUE)}
        for name, power_kW in sums.items():
            drawn.add_trace(line(run.clock_ms, power_kW, *styles[name], unit="kW"))
        if len(sums) == len(styles):
            grid_kW = sums["load_W"] - sums["pv_W"] - sums["power_W"]
            drawn.add_trace(line(run.clock_ms, grid_kW, "grid", GREEN, width=1.0, unit="kW"))
        return drawn
