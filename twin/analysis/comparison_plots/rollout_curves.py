"""How the release spreads over the sites under each variant."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from twin.analysis.comparison import Case, Comparison
from twin.analysis.comparison_plot import CasePlot, colour_of
from twin.analysis.rollout import Rollout
from twin.analysis.rollout_story import stop_of
from twin.analysis.rollout_traces import share_curve


class RolloutCurves(CasePlot):
    """Share of the sites that ever ran the release, and that were content with it, over time."""

    order = 7
    title = "The release on its way"
    note = (
        "Solid: share of the sites that ever ran the release; dotted: that came to run it and were content. A cross "
        "marks what held the rollout up. Of a bad release, less is better."
    )

    def draw(self, comparison: Comparison, case: Case) -> go.Figure | None:
        """Draw two lines a variant."""
        rollouts = {variant: run.evidence.run.rollout for variant, run in case.runs.items()}
        known = {variant: one for variant, one in rollouts.items() if one is not None and len(one.sites)}
        if len(known) < len(rollouts):
            return None
        drawn = go.Figure(layout={"height": 360, "hovermode": "x unified"})
        until_s = min(max(_last_s(one) for one in known.values()), min(one.end_s for one in known.values()))
        for variant, rollout in known.items():
            colour = colour_of(comparison, variant)
            for trace in _lines(rollout, variant, colour, np.linspace(0.0, until_s, 500)):
                drawn.add_trace(trace)
        drawn.update_xaxes(title_text="h since the start")
        return drawn.update_yaxes(title_text="of the sites, %", range=[0, 104])


def _last_s(rollout: Rollout) -> float:
    """Return when the last thing happened in a rollout, and a bit."""
    return 1.05 * float(rollout.transitions["time_s"].max())


def _lines(rollout: Rollout, variant: str, colour: str, time_s: np.ndarray) -> list[go.Scatter]:
    total = len(rollout.sites)
    ever = share_curve(rollout.exposed_s, total, time_s)
    lines = [
        _line(time_s, ever, variant, variant, {"color": colour, "width": 2.2, "shape": "hv"}),
        _line(
            time_s,
            share_curve(rollout.updated_s, total, time_s),
            f"{variant}, updated",
            variant,
            {"color": colour, "width": 1.4, "shape": "hv", "dash": "dot"},
        ).update(showlegend=False),
    ]
    if stop := stop_of(rollout):
        at = {"x": [stop.time_s / 3600.0], "y": [100.0 * rollout.share_exposed(stop.time_s)]}
        mark = {"symbol": "x", "size": 11, "color": colour}
        text = f"{variant}: {stop.gate or 'held up'}<extra></extra>"
        lines.append(go.Scatter(at, mode="markers", marker=mark, showlegend=False, hovertemplate=text))
    return lines


def _line(time_s: np.ndarray, share: np.ndarray, name: str, group: str, style: dict[str, object]) -> go.Scatter:
    return go.Scatter(
        x=time_s / 3600.0,
        y=share.astype(np.float32),
        name=name,
        legendgroup=group,
        mode="lines",
        line=style,
        hovertemplate=f"{name}: %{{y:.3~g}} %<extra></extra>",
    )
