"""What the plots of a rollout share: the colours of states, the stretch of time that matters, marks of decisions."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go

from twin.analysis.rollout import RELEASE, Rollout
from twin.analysis.rollout_story import stop_of
from twin.analysis.thinning import Floats
from twin.analysis.traces import BLUE, GREEN, GREY, ORANGE, RED, TEAL, VIOLET, figure
from twin.analysis.view import RunView
from twin.ota.states import UpdateState as S

BANDS: Final = (
    ("updated", S.SUCCESS, True, GREEN),
    ("back at the old version", S.SUCCESS, False, TEAL),
    ("failed", S.FAILURE, None, RED),
    ("called off", S.ABORTED, None, "#6b5b53"),
    ("on trial", S.CHECKING, None, "#d9b93b"),
    ("rebooting", S.REBOOTING, None, ORANGE),
    ("installing", S.INSTALLING, None, VIOLET),
    ("downloading", S.DOWNLOADING, None, BLUE),
    ("waiting", S.WAITING, None, "#7fa8d1"),
    ("told, has not asked", S.PENDING, None, "#b9c6d6"),
)
"""Bands from the ground up: word, state, whether it is about the release (None: either), colour."""
UNTOUCHED: Final = "rgba(138,143,152,0.22)"
_MARGIN: Final = 0.04
_MOST_STARTS: Final = 12


def rollout_of(run: RunView) -> Rollout:
    """Return the rollout of a run whose plot needs one."""
    assert run.rollout, "the plot needs a table of the rollout and does not say so"
    return run.rollout


def shown_s(rollout: Rollout) -> tuple[float, float]:
    """Return the stretch of the run in which its rollout happened, with a margin."""
    ends = rollout.transitions["time_s"].max() if len(rollout.transitions) else rollout.end_s
    for table in (rollout.gates, rollout.decisions):
        ends = max(ends, table["time_s"].max()) if len(table) else ends
    margin_s = _MARGIN * max(float(ends) - rollout.start_s, 60.0)
    return max(0.0, rollout.start_s - margin_s), min(rollout.end_s, float(ends) + margin_s)


def rollout_figure(run: RunView, y_title: str, *, height: int = 320) -> go.Figure:
    """Return an empty figure over the clock time of the rollout."""
    drawn = figure(y_title, height=height)
    return drawn.update_xaxes(range=[float(one) for one in run.clock(shown_s(rollout_of(run)))])


def instants_s(rollout: Rollout) -> Floats:
    """Return the instants to draw, within what is shown."""
    low_s, high_s = shown_s(rollout)
    inside = rollout.instants_s[(rollout.instants_s >= low_s) & (rollout.instants_s <= high_s)]
    even = np.linspace(low_s, high_s, 240)
    return np.unique(np.concatenate((inside, even)))


def band_counts(rollout: Rollout, time_s: Floats) -> list[tuple[str, str, Floats]]:
    """Return word, colour and number of sites of each band at each instant; what is left is untouched."""
    found = []
    for word, state, ours, colour in BANDS:
        spans = rollout.spans[rollout.spans["state"] == int(state)]
        if ours is not None:
            spans = spans[(spans["release"] == RELEASE) == ours]
        begin_s, end_s = (np.sort(spans[name].to_numpy(np.float64)) for name in ("time_s", "end_s"))
        end_s = np.where(end_s >= rollout.end_s, np.inf, end_s)  # a state that lasts to the end lasts at the end
        count = np.searchsorted(begin_s, time_s, side="right") - np.searchsorted(end_s, time_s, side="right")
        found.append((word, colour, count.astype(np.float64)))
    return found


def step_line(run: RunView, time_s: Floats, values: Floats, name: str, colour: str, unit: str) -> go.Scatter:
    """Return held values over clock time."""
    return go.Scatter(
        x=run.clock(time_s),
        y=np.asarray(values, np.float32),
        name=name,
        mode="lines",
        line={"color": colour, "width": 2, "shape": "hv"},
        hovertemplate=f"{name}: %{{y:.4~g}} {unit}<extra></extra>",
    )


def share_curve(times_s: Floats, of: int, at_s: Floats) -> Floats:
    """Return the per cent of ``of`` whose times have come by each instant; NaN never comes."""
    return np.asarray(100.0 * np.searchsorted(np.sort(times_s[np.isfinite(times_s)]), at_s, side="right") / max(of, 1))


def mark_decisions(drawn: go.Figure, run: RunView) -> None:
    """Mark when groups began, in grey, and when the rollout was held up, in red."""
    rollout = rollout_of(run)
    asked = rollout.transitions.merge(rollout.plan[["site_id", "group"]], on="site_id").groupby("group")["time_s"].min()
    if 1 < len(asked) <= _MOST_STARTS:
        for time_s in asked:
            drawn.add_vline(x=float(run.clock(time_s)), line={"color": GREY, "width": 1, "dash": "dot"})
    if stop := stop_of(rollout):
        drawn.add_vline(
            x=float(run.clock(stop.time_s)),
            line={"color": RED, "width": 1.6, "dash": "dash"},
            annotation={"text": stop.gate.replace("_", " ") or "held up", "font": {"color": RED, "size": 12}},
            annotation_position="top right",
        )
