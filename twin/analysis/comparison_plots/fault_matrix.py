"""Which kinds of faults each variant sees: where, and how late."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from twin.analysis.comparison import Case, Comparison
from twin.analysis.comparison_plot import LEAST_FAULTS, CasePlot
from twin.analysis.visibility import RESOLUTIONS, Visibility


class FaultMatrix(CasePlot):
    """A field for each kind of fault and variant."""

    order = 5
    title = "Faults by kind"
    note = (
        "Each field: share of the faults of a kind that were seen, the place that was named for half of those, and the "
        "median delay. The colour is the transparency score; kinds that are hardest to see stand on top."
    )

    def draw(self, comparison: Comparison, case: Case) -> go.Figure | None:
        """Draw a row a kind of fault, a column a variant."""
        by_kind = [_by_kind(run.evidence.visibilities) for run in case.runs.values()]
        if min(sum(map(len, one.values())) for one in by_kind) < LEAST_FAULTS:
            return None
        scores = [_scores(run.judged["transparency"].found) for run in case.runs.values()]
        kinds = sorted({kind for one in by_kind for kind in one})
        colour = np.array([[one.get(kind, np.nan) for one in scores] for kind in kinds])
        order = np.argsort(-np.nanmean(colour, axis=1), kind="stable")
        texts = [[_said(one.get(kinds[place], ())) for one in by_kind] for place in order]
        counts = [max(len(one.get(kinds[place], ())) for one in by_kind) for place in order]
        labels = [f"{kinds[place].replace('_', ' ')} ({count})" for place, count in zip(order, counts, strict=True)]
        drawn = go.Figure(layout={"height": 120 + 25 * len(kinds), "hovermode": "closest"})
        drawn.add_heatmap(
            z=100.0 * colour[order],
            x=list(comparison.variants),
            y=labels,
            text=texts,
            texttemplate="%{text}",
            zmin=0,
            zmax=100,
            xgap=3,
            ygap=2,
            colorscale=[[0.0, "#e58b87"], [0.5, "#f2d3a6"], [1.0, "#93c79d"]],
            textfont={"color": "#12161c"},
            colorbar={"title": {"text": "score, %"}, "thickness": 12},
            hovertemplate="%{y}, %{x}: %{text}, score %{z:.0f} %<extra></extra>",
        )
        drawn.update_xaxes(side="top", showgrid=False)
        return drawn.update_yaxes(type="category", showgrid=False, dtick=1)


def _by_kind(found: Sequence[Visibility]) -> dict[str, list[Visibility]]:
    kinds: dict[str, list[Visibility]] = {}
    for one in (one for one in found if one.asked):
        kinds.setdefault(one.fault.kind, []).append(one)
    return kinds


def _scores(sample: object) -> dict[str, float]:
    """Return the mean transparency of each kind."""
    values: dict[str, list[float]] = {}
    for key, value in zip(getattr(sample, "keys", ()), getattr(sample, "values", ()), strict=True):
        values.setdefault(key.kind, []).append(float(value))
    return {kind: float(np.mean(one)) for kind, one in values.items()}


def _said(found: Sequence[Visibility]) -> str:
    """Return what is known of one kind under one variant in a few characters."""
    if not found:
        return ""
    seen = [one for one in found if one.resolution is not None]
    if not seen:
        return "not seen"
    place = RESOLUTIONS[int(np.median([one.resolution for one in seen if one.resolution is not None]))]
    delay_s = float(np.median([one.delay_ns * 1e-9 for one in seen if one.delay_ns is not None]))
    share = "" if len(seen) == len(found) else f"{100 * len(seen) / len(found):.0f} %, "
    return f"{share}{place}, {_time(delay_s)}"


def _time(time_s: float) -> str:
    if time_s < 1.0:
        return f"{1e3 * time_s:.0f} ms"
    return f"{time_s:.3g} s" if time_s < 600 else f"{time_s / 60:.0f} min"
