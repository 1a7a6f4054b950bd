"""How busy the buses are while images go over them."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from twin.analysis.evidence import Evidence
from twin.analysis.plot import Plot
from twin.analysis.thinning import Floats
from twin.analysis.traces import GREY, VIOLET
from twin.analysis.view import RunView


class UpdateBusLoad(Plot):
    """Load of each site's bus during its update, beside what it is without one."""

    section = "update"
    order = 8
    title = "Bus load during the update, and without one"
    note = "Mean load of each site's bus, of several segments the busiest: while installing, and without an update."
    needs = ("bus_load", "ota_transitions/state")
    whole_run = False

    def draw(self, run: RunView) -> go.Figure:
        """Draw two histograms over the sites."""
        load = Evidence(run).update_service.bus_load
        known = [one[np.isfinite(one)] for one in (load.before, load.during)]
        edges = np.linspace(0.0, 1.05 * max((one.max() for one in known if len(one)), default=0.01), 61)
        drawn = go.Figure(layout={"height": 280, "hovermode": "closest", "barmode": "overlay", "bargap": 0.03})
        for values, word, colour in zip(known, ("without an update", "while installing"), (GREY, VIOLET), strict=True):
            drawn.add_trace(_histogram(values, edges, word, colour))
        drawn.update_xaxes(title_text="bus busy, %", range=[0.0, 100.0 * edges[-1]])
        return drawn.update_yaxes(title_text="sites", rangemode="tozero")


def _histogram(values: Floats, edges: Floats, word: str, colour: str) -> go.Bar:
    counts, _ = np.histogram(values, edges)
    return go.Bar(
        x=50.0 * (edges[:-1] + edges[1:]),
        y=counts,
        name=word,
        opacity=0.85,
        marker={"color": colour, "line": {"width": 0}},
        hovertemplate=f"{word}: %{{y}} sites at %{{x:.3~g}} %<extra></extra>",
    )
