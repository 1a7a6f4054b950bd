"""Power of one site, with what was asked and what is allowed."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.traces import BLUE, GREY, ORANGE, RED, figure, line, mark_events
from twin.analysis.view import RunView


class SitePower(Plot):
    """Whether the battery delivers what is asked of it, and what limits it."""

    section = "site"
    order = 1
    title = "Power, request and limits"
    note = "Positive discharges. Where power leaves the request, a limit or an open contactor holds it back."
    needs = ("power_W",)

    def draw(self, run: RunView) -> go.Figure:
        """Draw power and request in kW, and limits where power is limited."""
        drawn = figure("power, kW", height=360)
        for name, label, colour, width in (
            ("request_W", "request", GREY, 3.0),
            ("power_W", "battery", BLUE, 1.4),
            ("load_W", "load", ORANGE, 1.0),
        ):
            if run.has(name):
                drawn.add_trace(line(run.clock_ms, run.of_site(name) / 1e3, label, colour, width=width, unit="kW"))
        for name, label, sign in (("discharge_limit", "discharge limit", 1.0), ("charge_limit", "charge limit", -1.0)):
            limit_W = _limit_W(run, name)
            if limit_W is not None:
                values = sign * limit_W / 1e3
                drawn.add_trace(line(run.clock_ms, values, label, RED, width=1.0, unit="kW", steps=True, dash="dash"))
        mark_events(drawn, run)
        return drawn


def _limit_W(run: RunView, name: str) -> np.ndarray | None:
    """Return a limit as power, wherever the BMS states it as power or as current."""
    if run.has(f"{name}_W"):
        return np.abs(run.of_site(f"{name}_W"))
    if run.has(f"{name}_A") and run.has("bus_voltage_V"):
        return np.abs(run.of_site(f"{name}_A") * run.of_site("bus_voltage_V"))
    return None
