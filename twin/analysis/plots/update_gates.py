"""What the gates saw, and how sure they were that the release behaves worse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.rollout_traces import rollout_of
from twin.analysis.view import RunView

_LEAST_P = 1e-12


class UpdateGates(Plot):
    """A field for each behaviour and look of a gate."""

    section = "update"
    order = 4
    title = "What the gates saw"
    note = (
        "Each field: canaries | the sites that they are compared with, at one look of a gate. The colour says how "
        "unlikely such a difference were if both versions behaved alike; from 100 % on, red, it counts as worse, "
        "corrected for the number of behaviours and looks. Framed: what the gate found to be worse."
    )
    needs = ("ota_gates/p_value", "ota_transitions/state")
    whole_run = False

    def draw(self, run: RunView) -> go.Figure:
        """Draw a row a behaviour, a column a look; the most telling behaviour is on top."""
        looks = rollout_of(run).gates.copy()
        looks["evidence"] = _evidence(looks)
        looks["when"] = [_when(run, row) for row in looks.itertuples()]
        times = list(dict.fromkeys(looks["when"]))
        order = looks.groupby("behaviour")["evidence"].max().sort_values(ascending=False, kind="stable").index
        grid = looks.pivot_table(index="behaviour", columns="when", values="evidence", sort=False, dropna=False)
        grid = grid.reindex(index=order, columns=times)
        texts = {(row.behaviour, row.when): _said(row) for row in looks.itertuples()}
        labels = [str(name).replace("_", " ") for name in order]
        drawn = go.Figure(layout={"height": 150 + 34 * len(order), "hovermode": "closest"})
        drawn.add_heatmap(
            z=grid.to_numpy(np.float64),
            x=times,
            y=labels,
            text=[[texts.get((name, when), "") for when in times] for name in order],
            texttemplate="%{text}" if len(times) <= 9 else "",
            textfont={"color": "#12161c"},
            zmin=0,
            zmax=150,
            xgap=3,
            ygap=2,
            colorscale=[[0.0, "#cfe3d3"], [0.5, "#f2d9a6"], [0.66, "#eeb48a"], [0.6667, "#e2726d"], [1.0, "#c93f3a"]],
            colorbar={"title": {"text": "of what<br>counts, %"}, "thickness": 12},
            hovertemplate="%{y}, %{x}: %{text}, %{z:.0f} % of what counts<extra></extra>",
        )
        for row in looks[looks["worse"] > 0].itertuples():
            _frame(drawn, times.index(row.when), list(order).index(row.behaviour))
        drawn.update_xaxes(type="category", showgrid=False, categoryorder="array", categoryarray=times)
        drawn.update_yaxes(type="category", showgrid=False, dtick=1, autorange="reversed")
        return drawn.update_layout(showlegend=False)


def _evidence(looks: pd.DataFrame) -> np.ndarray:
    """Return the logarithm of p over that of alpha, in per cent, 0 for p = 1 and 100 where it counts."""
    p_value = looks["p_value"].clip(_LEAST_P, 1.0).fillna(1.0)
    return np.asarray(100.0 * np.log(p_value) / np.log(looks["alpha"].clip(_LEAST_P, 0.999999)))


def _when(run: RunView, row: Any) -> str:
    return f"group {row.group + 1}<br>{run.clock_text(row.time_s)}"


def _said(row: Any) -> str:
    """Return both means; nothing where nobody tells of the behaviour."""
    return f"{row.canary:.3g} | {row.baseline:.3g}" if np.isfinite([row.canary, row.baseline]).all() else "–"


def _frame(drawn: go.Figure, column: int, row: int) -> None:
    """Draw a frame around a field."""
    ends = {"x0": column - 0.49, "x1": column + 0.49, "y0": row - 0.47, "y1": row + 0.47}
    drawn.add_shape(type="rect", line={"color": "#7c1512", "width": 3}, **ends)
