"""Canaries beside the sites that they are compared with, behaviour by behaviour."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from twin.analysis.plot import Plot
from twin.analysis.rollout_traces import rollout_of
from twin.analysis.traces import GREY, ORANGE, RED
from twin.analysis.view import RunView

_MOST: Final = 6
_COLUMNS: Final = 3


class UpdateCanaries(Plot):
    """How far canaries are from the others, look by look."""

    section = "update"
    order = 5
    title = "Canaries and the others"
    note = (
        "Orange: means of the canaries, look by look; grey: of the sites that they are compared with. The behaviours "
        "with the clearest differences come first. Red: worse by more than chance."
    )
    needs = ("ota_gates/p_value", "ota_transitions/state")
    whole_run = False

    def missing(self, run: RunView) -> list[str]:
        """Return what the plot lacks: also a behaviour of which both groups tell."""
        lacking = super().missing(run)
        told = not lacking and np.isfinite(rollout_of(run).gates[["canary", "baseline"]]).all(axis=1).any()
        return lacking or ([] if told else ["a behaviour of both groups"])

    def draw(self, run: RunView) -> go.Figure:
        """Draw a small plot a behaviour."""
        gates = rollout_of(run).gates
        looks = gates[np.isfinite(gates["canary"]) & np.isfinite(gates["baseline"])]
        names = list(looks.groupby("behaviour")["p_value"].min().sort_values(kind="stable").index[:_MOST])
        rows = -(-len(names) // _COLUMNS)
        titles = [str(name).replace("_", " ") for name in names]
        drawn = make_subplots(rows, _COLUMNS, subplot_titles=titles, vertical_spacing=0.28 / rows)
        drawn.update_layout(height=90 + 210 * rows, hovermode="closest", showlegend=False)
        drawn.update_annotations(font_size=13)
        for place, name in enumerate(names):
            mine = looks[looks["behaviour"] == name]
            for column, word, colour in (("baseline", "others", GREY), ("canary", "canaries", ORANGE)):
                drawn.add_trace(
                    go.Scatter(
                        x=run.clock(mine["time_s"]),
                        y=mine[column],
                        name=word,
                        mode="lines+markers",
                        line={"color": colour, "width": 2},
                        marker={"size": [11 if one and column == "canary" else 6 for one in mine["worse"]]}
                        | {"color": [RED if one and column == "canary" else colour for one in mine["worse"]]},
                        customdata=mine["p_value"],
                        hovertemplate=f"{word}: %{{y:.4~g}}, p %{{customdata:.2~g}}<extra></extra>",
                    ),
                    row=place // _COLUMNS + 1,
                    col=place % _COLUMNS + 1,
                )
        drawn.update_xaxes(type="date", nticks=4)
        return drawn.update_yaxes(nticks=5)
