"""Latency of every message, as a histogram beside its bound and its deadline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.thinning import Floats
from twin.analysis.traces import ORANGE, RED, figure
from twin.analysis.view import RunView

_ROOMY: Final = 40
"""Up to so many messages have rows of their full height."""


class BusLatency(Plot):
    """How long messages wait for the bus, and how long they could."""

    section = "bus"
    order = 2
    title = "Latency by message"
    note = (
        "From the sender's queue to the end of the frame, all sites together; each row adds up to 100 %. The winner of "
        "all arbitrations is on top. Orange: the longest that a message can take, without errors, faults and replayed "
        "traces; red: its deadline, where it lies within the range. The table says more of both."
    )
    needs = ("bus/latency_histogram", "bus/latency_edge_s")

    def draw(self, run: RunView) -> go.Figure:
        """Draw a row a message: the share of its frames in each range of latency."""
        found = run.messages
        counts = run.bus["latency_histogram"].sum("site").values[found.index]
        bounds_ms = 1e3 * found["bound_s"].to_numpy()
        edges_ms = 1e3 * run.bus["latency_edge_s"].values
        used = _used(counts, edges_ms, bounds_ms)
        shown_ms = edges_ms[used.start : used.stop + 1].copy()
        if shown_ms[0] == 0.0:  # a logarithmic axis has no zero
            shown_ms[0] = shown_ms[1] / 2
        row_px = 30 if len(found) <= _ROOMY else 15
        drawn = figure("", height=130 + row_px * len(found))
        drawn.add_trace(_heatmap(found, counts[:, used], counts.sum(axis=1), shown_ms))
        drawn.add_traces([*_marks(found, "bound_s", shown_ms, ORANGE, row_px)])
        drawn.add_traces([*_marks(found, "deadline_s", shown_ms, RED, row_px)])
        ends = np.log10(shown_ms[[0, -1]]).tolist()
        drawn.update_xaxes(type="log", range=ends, title_text="latency, ms", showgrid=False)
        rows = {"type": "category", "range": [len(found) - 0.5, -0.5], "dtick": 1}
        drawn.update_yaxes(rows, title_text=None, showgrid=False, tickfont_size=min(12, row_px - 4))
        return drawn.update_layout(hovermode="closest")


def _heatmap(found: pd.DataFrame, counts: np.ndarray, totals: np.ndarray, edges_ms: Floats) -> go.Heatmap:
    share = 100.0 * counts / np.maximum(totals, 1)[:, None]
    return go.Heatmap(
        x=edges_ms,
        y=list(found["label"]),
        z=np.where(counts > 0, share, np.nan).astype(np.float32),
        customdata=counts.astype(np.int32),
        zmin=0,
        zmax=100,
        colorscale=[[0.0, "rgba(42,157,157,0.2)"], [1.0, "rgba(42,157,157,1)"]],
        colorbar={"title": {"text": "%"}, "thickness": 12},
        hovertemplate="%{y}, %{x:.3~g} ms: %{z:.2~g} %, %{customdata} frames<extra></extra>",
    )


def _marks(found: pd.DataFrame, name: str, edges_ms: Floats, colour: str, row_px: int) -> Iterator[go.Scatter]:
    """Yield a stroke in each row where the column ``name`` lies within the range, if it does in any."""
    time_ms = 1e3 * found[name].to_numpy() if name in found else np.full(len(found), np.nan)
    inside = (time_ms >= edges_ms[0]) & (time_ms <= edges_ms[-1])
    word = name.removesuffix("_s")
    if inside.any():
        yield go.Scatter(
            x=time_ms[inside],
            y=list(found["label"][inside]),
            name=word,
            mode="markers",
            marker={"symbol": "line-ns-open", "size": 0.6 * row_px, "color": colour, "line": {"width": 2.5}},
            hovertemplate=f"%{{y}}: {word} %{{x:.4~g}} ms<extra></extra>",
        )


def _used(counts: np.ndarray, edges_ms: Floats, bounds_ms: Floats) -> slice:
    """Return the bins from the first to the last one that holds a frame or a bound."""
    known_ms = bounds_ms[np.isfinite(bounds_ms)]
    bins = np.searchsorted(edges_ms, known_ms) - 1
    filled = np.concatenate((np.flatnonzero(counts.sum(axis=0)), bins.clip(0, counts.shape[1] - 1)))
    return slice(int(filled.min()), int(filled.max()) + 1) if len(filled) else slice(0, counts.shape[1])
