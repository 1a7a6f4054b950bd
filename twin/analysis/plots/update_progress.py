"""How each group of a campaign comes along."""

from __future__ import annotations

from typing import Final

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
from twin.analysis.traces import GREY, PALETTE
from twin.analysis.view import RunView

_MOST_GROUPS: Final = 12


class UpdateProgress(Plot):
    """Share of the sites that have been updated, of all and group by group."""

    section = "update"
    order = 2
    title = "Progress by group"
    note = "Share of the sites that have come to run the release and were content with it. Dotted across: 95 %."
    needs = ("ota_transitions/state",)
    whole_run = False

    def draw(self, run: RunView) -> go.Figure:
        """Draw a line a group, and one for all."""
        rollout = rollout_of(run)
        time_s = instants_s(rollout)
        drawn = rollout_figure(run, "updated, %")
        groups = sorted(rollout.plan["group"].unique())[:_MOST_GROUPS]
        for place, group in enumerate(groups if len(groups) > 1 else ()):
            mine = (rollout.plan["group"] == group).to_numpy()
            share = share_curve(rollout.updated_s[mine], int(mine.sum()), time_s)
            colour = PALETTE[place % len(PALETTE)]
            drawn.add_trace(step_line(run, time_s, share, f"group {group + 1}", colour, "%"))
        share = share_curve(rollout.updated_s, len(rollout.sites), time_s)
        drawn.add_trace(step_line(run, time_s, share, "all sites", GREY, "%").update(line_width=3))
        drawn.add_hline(y=95, line={"dash": "dot", "width": 1, "color": GREY})
        mark_decisions(drawn, run)
        return drawn.update_yaxes(range=[0, 112])
