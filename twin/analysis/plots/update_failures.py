"""Why updates did not go on."""

from __future__ import annotations

from textwrap import wrap

import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.rollout_traces import rollout_of
from twin.analysis.traces import GREY, ORANGE, RED
from twin.analysis.view import RunView
from twin.ota.causes import Cause


class UpdateFailures(Plot):
    """How often each cause put an update off or ended it."""

    section = "update"
    order = 6
    title = "What got in the way"
    note = "How often updates were given up, put off and tried again, or called off by the campaign."
    needs = ("ota_transitions/cause",)
    whole_run = False

    def missing(self, run: RunView) -> list[str]:
        """Return what the plot lacks; a rollout without a hitch needs none."""
        lacking = super().missing(run)
        return lacking or ([] if len(rollout_of(run).failures) else ["a failure"])

    def draw(self, run: RunView) -> go.Figure:
        """Draw a bar a cause, the worst on top."""
        found = rollout_of(run).failures
        labels = ["<br>".join(wrap(Cause(int(cause)).sentence, 44)) for cause in found["cause"]]
        drawn = go.Figure(layout={"height": 110 + 46 * len(found), "hovermode": "closest", "barmode": "stack"})
        for column, word, colour in (
            ("gave_up", "given up", RED),
            ("setbacks", "tried again", ORANGE),
            ("cancelled", "called off, or began anew", GREY),
        ):
            drawn.add_bar(
                orientation="h",
                y=labels,
                x=found[column],
                name=word,
                marker={"color": colour, "line": {"width": 0}},
                hovertemplate=f"{word}: %{{x}}<extra></extra>",
            )
        drawn.update_yaxes(type="category", autorange="reversed", showgrid=False)
        return drawn.update_xaxes(title_text="times", rangemode="tozero").update_layout(legend_traceorder="normal")
