"""Where all sites stand with their update, as stacked bands."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.rollout_traces import (
    UNTOUCHED,
    band_counts,
    instants_s,
    mark_decisions,
    rollout_figure,
    rollout_of,
)
from twin.analysis.view import RunView

_FEW: Final = 3.0
"""The axis ends at so many times the sites that were touched, if that is less than all: so a few canaries show."""


class UpdateStates(Plot):
    """The fleet in one picture: who is where on the way to the release."""

    section = "update"
    order = 1
    title = "The fleet over time"
    note = "Sites by the state of their update. Dotted: a group begins. Red: what held the rollout up."
    needs = ("ota_transitions/state",)
    whole_run = False

    def draw(self, run: RunView) -> go.Figure:
        """Draw a band a state."""
        rollout = rollout_of(run)
        time_s = instants_s(rollout)
        bands = [band for band in band_counts(rollout, time_s) if band[2].any()]
        rest = np.maximum(len(rollout.sites) - sum((count for *_, count in bands), np.zeros(len(time_s))), 0.0)
        drawn = rollout_figure(run, "sites", height=400)
        for word, colour, count in [*bands, ("not told yet", UNTOUCHED, rest)]:
            drawn.add_scatter(
                x=run.clock(time_s),
                y=count.astype(np.float32),
                name=word,
                stackgroup="sites",
                mode="lines",
                line={"width": 0.4, "color": colour, "shape": "hv"},
                fillcolor=colour,
                hovertemplate=f"{word}: %{{y:,.0f}}<extra></extra>",
            )
        mark_decisions(drawn, run)
        touched = float(len(rollout.sites) - rest.min())
        drawn.update_yaxes(range=[0, min(len(rollout.sites), max(_FEW * touched, 1.0))])
        return drawn.update_layout(legend_traceorder="normal")
