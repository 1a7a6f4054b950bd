"""Whether there are enough points."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from twin.analysis.thinning import Floats
from twin.analysis.traces import BLUE, GREY, ORANGE, PALETTE
from twin.sweep.results.convergence import best_so_far, running_mean
from twin.sweep.results.indices import Indices, settling
from twin.sweep.results.plot import ResponsePlot
from twin.sweep.results.view import Absent, Codes, ResponseView, StudyView

_MOST = 400


class Convergence(ResponsePlot):
    """A number over the rows that it was found of."""

    order = 6
    title = "Convergence"

    def noted(self, view: StudyView) -> str:
        """Say what moved while rows were added."""
        if view.sampling == "search":
            return "Each row, and the best so far of those that keep all constraints; while it falls, more rows help."
        what = "Total Sobol indices" if view.sampling == "blocks" else "The mean over rows"
        return f"{what} and 95 % intervals while rows were added; what still moves at the right end needs more."

    def draw(self, view: StudyView, response: ResponseView) -> go.Figure | Absent:
        """Draw what fits the design."""
        if view.sampling == "search":
            return _search(view, response)
        if steps := settling(view, response):
            return _indices(view, steps)
        found = running_mean(view, response)
        if isinstance(found, Absent):
            return found
        chosen = np.unique(np.geomspace(1, len(found.counts), _MOST).astype(int)) - 1
        counts, mean, half = (
            found.counts[chosen],
            response.scale * found.mean[chosen],
            response.scale * found.half[chosen],
        )
        drawn = go.Figure(layout={"height": 320, "hovermode": "x unified"})
        drawn.add_scatter(
            x=np.concatenate([counts, counts[::-1]]),
            y=np.concatenate([mean + half, (mean - half)[::-1]]),
            fill="toself",
            fillcolor="rgba(47,111,174,0.2)",
            line={"width": 0},
            name="95 % interval",
            hoverinfo="skip",
        )
        drawn.add_scatter(x=counts, y=mean, name="mean", line={"color": BLUE, "width": 2})
        drawn.update_xaxes(title_text="rows", type="log")
        # The first few rows have intervals so wide that nothing else could be seen.
        low, high = (float(choose([*mean, mean[-1] + side * half[-1]])) for choose, side in ((min, -3.0), (max, 3.0)))
        spare = max(0.05 * (high - low), 1e-9 * abs(high))
        return drawn.update_yaxes(title_text=response.axis, range=[low - spare, high + spare])


def _search(view: StudyView, response: ResponseView) -> go.Figure | Absent:
    best = best_so_far(view, response)
    if isinstance(best, Absent):
        return best
    rows = np.arange(1, len(best) + 1)
    drawn = go.Figure(layout={"height": 320, "hovermode": "x unified"})
    for kept, name, colour in ((view.feasible, "row", BLUE), (~view.feasible, "row, constraint broken", GREY)):
        _dots(drawn, rows[kept], response.scale * response.values[kept], name, colour)
    line = {"color": ORANGE, "width": 2.2, "shape": "hv"}
    drawn.add_scatter(x=rows, y=response.scale * best, name="best so far", mode="lines", line=line)
    drawn.update_xaxes(title_text="rows", rangemode="nonnegative")
    return drawn.update_yaxes(title_text=response.axis)


def _dots(drawn: go.Figure, x: Codes, y: Floats, name: str, colour: str) -> None:
    if len(x):
        drawn.add_scatter(x=x, y=y, name=name, mode="markers", marker={"size": 5, "color": colour, "opacity": 0.6})


def _indices(view: StudyView, steps: tuple[Indices, ...]) -> go.Figure:
    drawn = go.Figure(layout={"height": 320, "hovermode": "closest"})
    counts = [one.blocks * view.block_size for one in steps]
    for place, number in enumerate(steps[-1].order[: len(PALETTE)]):
        drawn.add_scatter(
            x=counts,
            y=[float(one.total[number]) for one in steps],
            error_y={"array": [float(one.total_half[number]) for one in steps], "thickness": 1.2, "width": 4},
            name=steps[-1].names[number],
            mode="lines+markers",
            line={"color": PALETTE[place], "width": 2},
        )
    drawn.update_xaxes(title_text="rows", type="log", tickvals=counts, ticktext=[str(one) for one in counts])
    return drawn.update_yaxes(title_text="total Sobol index", rangemode="tozero")
