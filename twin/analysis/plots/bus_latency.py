"""Latency of every message, as a histogram."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.traces import figure
from twin.analysis.view import RunView


class BusLatency(Plot):
    """How long messages wait for the bus."""

    section = "bus"
    order = 2
    title = "Latency by message"
    note = "From the sender's queue to the end of the frame, all sites together; each row adds up to 100 %."
    needs = ("bus/latency_histogram", "bus/latency_edge_s")

    def draw(self, run: RunView) -> go.Figure:
        """Draw a row a message: the share of its frames in each range of latency."""
        counts = run.bus["latency_histogram"].sum("site").values
        used = _used(counts)
        edges_ms = 1e3 * run.bus["latency_edge_s"].values[used.start : used.stop + 1]
        if edges_ms[0] == 0.0:  # a logarithmic axis has no zero
            edges_ms[0] = edges_ms[1] / 2
        share = 100.0 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        messages = [str(message) for message in run.bus["message"].values]
        drawn = figure("", height=130 + 30 * len(messages))
        drawn.add_trace(
            go.Heatmap(
                x=edges_ms,
                y=messages,
                z=share[:, used].astype(np.float32),
                customdata=counts[:, used].astype(np.int32),
                colorscale=[[0.0, "rgba(42,157,157,0.06)"], [1.0, "rgba(42,157,157,0.95)"]],
                colorbar={"title": {"text": "%"}, "thickness": 12},
                hovertemplate="%{y}, %{x:.3~g} ms: %{z:.2f} %, %{customdata} frames<extra></extra>",
            )
        )
        drawn.update_xaxes(type="log", title_text="latency, ms", showgrid=False)
        drawn.update_yaxes(type="category", autorange="reversed", title_text=None, showgrid=False)
        return drawn.update_layout(hovermode="closest")


def _used(counts: np.ndarray) -> slice:
    """Return the bins from the first to the last one that holds a frame."""
    filled = np.flatnonzero(counts.sum(axis=0))
    return slice(int(filled[0]), int(filled[-1]) + 1) if len(filled) else slice(0, counts.shape[1])
