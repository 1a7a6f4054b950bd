"""Lines, bands and marks that the plots share: thinned, small in the page, and readable on dark and light ground."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from twin.analysis.thinning import Floats, changes, extremes
from twin.analysis.view import RunView, module_name

BLUE: Final = "#3b82c4"
ORANGE: Final = "#e08b2d"
GREEN: Final = "#4fa35a"
RED: Final = "#d9534f"
VIOLET: Final = "#8d6cc4"
TEAL: Final = "#2a9d9d"
GREY: Final = "#8a8f98"
OUTSTANDING: Final = (RED, ORANGE, VIOLET)
PALETTE: Final = (BLUE, ORANGE, GREEN, VIOLET, TEAL, RED, GREY)

POINTS: Final = 1600
"""Most points of a line that stands for itself."""
POINTS_OF_MANY: Final = 500
"""Most points of a line among many."""

_EVENT_COLOUR: Final = {2: ORANGE, 3: RED}
_MOST_MARKS: Final = 12


def line(
    clock_ms: Floats,
    values: npt.NDArray[Any],
    name: str,
    colour: str,
    *,
    width: float = 1.6,
    unit: str = "",
    points: int = POINTS,
    legend: bool = True,
    steps: bool = False,
    dash: str = "solid",
) -> go.Scatter:
    """Return a series over clock time, thinned to its extremes; with ``steps``, drawn as held values."""
    kept = changes(values) if steps else np.arange(len(values))
    kept = kept[extremes(values[kept], points)]
    return go.Scatter(
        x=clock_ms[kept],
        y=np.asarray(values[kept], np.float32),
        name=name,
        mode="lines",
        showlegend=legend,
        line={"color": colour, "width": width, "shape": "hv" if steps else "linear", "dash": dash},
        hovertemplate=f"{name}: %{{y:.4~g}} {unit}<extra></extra>",
    )


def band(clock_ms: Floats, low: Floats, high: Floats, name: str, colour: str, opacity: float) -> list[go.Scatter]:
    """Return the area between two series, as a pair of traces."""
    edge = {"mode": "lines", "line": {"width": 0, "color": colour}, "hoverinfo": "skip", "legendgroup": name}
    red, green, blue = (int(colour[index : index + 2], 16) for index in (1, 3, 5))
    fill = {"fill": "tonexty", "fillcolor": f"rgba({red},{green},{blue},{opacity})"}
    return [
        go.Scatter(x=clock_ms, y=low.astype(np.float32), showlegend=False, **edge),
        go.Scatter(x=clock_ms, y=high.astype(np.float32), name=name, **edge, **fill),
    ]


def quantile_bands(clock_ms: Floats, by_site: Floats, colour: str, unit: str) -> list[go.Scatter]:
    """Return all sites as bands (all, the middle 80 %) and their median."""
    known = by_site[~np.isnan(by_site).all(axis=1)]
    if not len(known):
        return []
    low, tenth, median, ninetieth, high = np.nanquantile(known, [0.0, 0.1, 0.5, 0.9, 1.0], axis=0)
    middle = line(clock_ms, median, "median site", colour, width=2.2, unit=unit)
    if len(known) == 1:
        return [middle]
    return [
        *band(clock_ms, low, high, "all sites", colour, 0.16),
        *band(clock_ms, tenth, ninetieth, "80 % of the sites", colour, 0.28),
        middle,
    ]


def figure(y_title: str, *, height: int = 320) -> go.Figure:
    """Return an empty figure over clock time."""
    drawn = go.Figure(layout={"height": height, "hovermode": "x unified"})
    drawn.update_xaxes(type="date")
    drawn.update_yaxes(title_text=y_title)
    return drawn


def figure_by_module(slots: list[int], y_title: str) -> go.Figure:
    """Return a figure of one plot a module, one below the other, over the same clock time."""
    titles = [module_name(slot) for slot in slots]
    drawn = make_subplots(
        len(slots), 1, shared_xaxes=True, subplot_titles=titles, vertical_spacing=0.13 / len(slots) ** 0.5
    )
    drawn.update_annotations(x=0.8, xanchor="right")  # between the legend on the left and the buttons on the right
    drawn.update_layout(height=90 + 220 * len(slots), hovermode="closest")
    drawn.update_xaxes(type="date")
    drawn.update_yaxes(title_text=y_title)
    return drawn


def cell_lines(run: RunView, slot: int, values: npt.NDArray[Any], unit: str) -> list[go.Scatter]:
    """Return one module's cells ``[cell, time]``: grey, but in colour those that events name or that stand out."""
    standing_out = outstanding_cells(run, slot, values)
    cells = [cell for cell in range(len(values)) if cell not in standing_out] + standing_out
    return [_cell_line(run, slot, cell, values[cell], standing_out, unit) for cell in cells]


def _cell_line(
    run: RunView, slot: int, cell: int, values: npt.NDArray[Any], standing_out: list[int], unit: str
) -> go.Scatter:
    name = f"cell {cell + 1} of {module_name(slot)}"
    if cell in standing_out:
        return line(run.clock_ms, values, name, OUTSTANDING[standing_out.index(cell)], width=1.8, unit=unit)
    drawn = line(run.clock_ms, values, name, GREY, width=0.8, unit=unit, points=POINTS_OF_MANY, legend=False)
    return drawn.update(opacity=0.75)


def outstanding_cells(run: RunView, slot: int, values: npt.NDArray[Any]) -> list[int]:
    """Return up to three cells: those that events name, or else the one that is furthest from the module's mean."""
    events = run.events[
        (run.events["site_id"] == run.site) & (run.events["slot_id"] == slot) & (run.events["cell_id"] >= 0)
    ]
    named = [int(cell) for cell in events["cell_id"].value_counts(sort=True).index if cell < len(values)]
    if named:
        return sorted(named[: len(OUTSTANDING)])
    distance = np.nan_to_num(np.abs(values - values.mean(axis=0))).max(axis=1)
    return [int(np.argmax(distance))] if distance.any() else []


def mark_events(drawn: go.Figure, run: RunView) -> None:
    """Mark the instants of the site's warnings and fatal events with vertical lines."""
    severe = run.events[(run.events["site_id"] == run.site) & (run.events["level"] >= 2)]
    first_ones = severe.drop_duplicates(["code", "level", "slot_id"]).head(_MOST_MARKS)
    for time_ns, level in zip(first_ones["time_ns"], first_ones["level"], strict=True):
        colour = _EVENT_COLOUR[int(level)]
        drawn.add_vline(x=float(run.clock(time_ns * 1e-9)), line={"color": colour, "width": 1, "dash": "dot"})
