"""How much of the fleet has run the release."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.rollout_traces import (
    instants_s,
    mark_decisions,
    rollout_figure,
    rollout_of,
    share_curve,
    step_line,
)
from twin.analysis.traces import GREEN, GREY, ORANGE, VIOLET
from twin.analysis.view import RunView


class UpdateExposure(Plot):
    """Who ever ran the release, who runs it, who runs mixed versions, and who cannot be reached."""

    section = "update"
    order = 3
    title = "Exposure, mixed versions and sites offline"
    note = (
        "Exposed: an ECU of the site has ever run the release. Mixed: some of the ECUs that the release is for run it, "
        "and some do not. Offline: the site cannot reach the server."
    )
    needs = ("ota_versions/release|ota_transitions/state",)
    whole_run = False

    def draw(self, run: RunView) -> go.Figure:
        """Draw a line each."""
        rollout = rollout_of(run)
        time_s, total = instants_s(rollout), max(len(rollout.sites), 1)
        drawn = rollout_figure(run, "of the sites, %", height=280)
        ever = share_curve(rollout.exposed_s, total, time_s)
        drawn.add_trace(step_line(run, time_s, ever, "ever ran it", ORANGE, "%"))
        lines = (
            ("runs it", rollout.exposed, GREEN),
            ("mixed", rollout.mixed, VIOLET),
            ("offline", rollout.offline, GREY),
        )
        for name, spans, colour in lines:
            if len(spans):
                count = spans.count(np.minimum(time_s, np.nextafter(rollout.end_s, 0.0)))
                drawn.add_trace(step_line(run, time_s, 100.0 * count / total, name, colour, "%").update(line_width=1.4))
        mark_decisions(drawn, run)
        highest = max(float(np.nanmax(trace.y)) for trace in drawn.data)
        return drawn.update_yaxes(range=[0, max(1.15 * highest, 1.0)])
