"""How long images take: from the server to the site, and over its bus to an ECU."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from twin.analysis.plot import Plot
from twin.analysis.rollout_traces import rollout_of
from twin.analysis.traces import BLUE, VIOLET
from twin.analysis.view import RunView

_BINS: Final = 60
_PATHS: Final = (("wan", "From the server to the site", BLUE), ("bus", "Over the bus to an ECU", VIOLET))


class UpdateTransfers(Plot):
    """Durations of the transfers that were finished."""

    section = "update"
    order = 7
    title = "Transfers"
    note = "Durations of the transfers that were finished, with the medians of duration and throughput."
    needs = ("ota_transfers/bytes", "ota_transitions/state")
    whole_run = False

    def missing(self, run: RunView) -> list[str]:
        """Return what the plot lacks: also a transfer that was finished."""
        lacking = super().missing(run)
        return lacking or ([] if len(rollout_of(run).transfers) else ["a transfer"])

    def draw(self, run: RunView) -> go.Figure:
        """Draw a histogram a path."""
        found = [(title, colour, rollout_of(run).transfers_by(path)) for path, title, colour in _PATHS]
        there = [one for one in found if len(one[2])]
        titles = [f"{title}: {_median(transfers)}" for title, _, transfers in there]
        drawn = make_subplots(1, len(there), subplot_titles=titles)
        drawn.update_annotations(font_size=13)
        for place, (title, colour, transfers) in enumerate(there, 1):
            drawn.add_trace(_histogram(transfers, title, colour), row=1, col=place)
        drawn.update_xaxes(title_text="s", rangemode="tozero").update_yaxes(
            title_text="transfers", rangemode="tozero", col=1
        )
        return drawn.update_layout(height=300, showlegend=False, bargap=0.03, hovermode="closest")


def _median(transfers: pd.DataFrame) -> str:
    duration_s, rate_bit_s = (float(transfers[name].median()) for name in ("duration_s", "rate_bit_s"))
    rate = f"{rate_bit_s / 1e6:.3g} Mbit/s" if rate_bit_s >= 1e6 else f"{rate_bit_s / 1e3:.3g} kbit/s"
    return f"{duration_s:.3g} s, {rate}"


def _histogram(transfers: pd.DataFrame, title: str, colour: str) -> go.Bar:
    duration_s = transfers["duration_s"].to_numpy(np.float64)
    edges_s = np.linspace(0.0, 1.02 * float(np.quantile(duration_s, 0.995)), _BINS + 1)
    counts, _ = np.histogram(np.minimum(duration_s, edges_s[-1]), edges_s)
    return go.Bar(
        x=(edges_s[:-1] + edges_s[1:]) / 2,
        y=counts,
        width=np.diff(edges_s),
        name=title,
        marker={"color": colour, "line": {"width": 0}},
        hovertemplate="%{x:.4~g} s: %{y} transfers<extra></extra>",
    )
