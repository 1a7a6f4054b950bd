"""What a plot of a study is: one file in ``twin.sweep.results.plots``, found because it is there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from html import escape
from textwrap import wrap
from typing import ClassVar, Final

import numpy as np
import plotly.graph_objects as go

from twin.analysis.thinning import Floats
from twin.sweep.results.view import Absent, FactorView, ResponseView, StudyView

_MOST_LABEL: Final = 16
_SHARES: Final = [[0.0, "rgba(59,130,196,0.05)"], [1.0, "rgba(59,130,196,0.7)"]]
"""The ground of the page shines through, so that its own colour of text can be read, in light and in dark."""


class StudyPlot(ABC):
    """One plot over all responses: its place on the page and how it is drawn."""

    order: ClassVar[int]
    title: ClassVar[str]
    note: ClassVar[str] = ""
    """A sentence under the title: what to look for."""
    least_width_px: ClassVar[int] = 0
    """On a narrower screen it is moved from side to side."""

    @abstractmethod
    def draw(self, view: StudyView) -> go.Figure | Absent:
        """Return the figure, or why there is none; colours of text and grid are the page's."""

    def noted(self, view: StudyView) -> str:
        """Return what to look for, in words that fit the design."""
        del view
        return self.note


class ResponsePlot(ABC):
    """One plot of a single response."""

    order: ClassVar[int]
    title: ClassVar[str]
    note: ClassVar[str] = ""
    least_width_px: ClassVar[int] = 0

    @abstractmethod
    def draw(self, view: StudyView, response: ResponseView) -> go.Figure | Absent:
        """Return the figure, or why there is none."""

    def noted(self, view: StudyView) -> str:
        """Return what to look for, in words that fit the design."""
        del view
        return self.note


def short(label: str) -> str:
    """Return a level's name with room for it on an axis; nothing in it is taken for markup."""
    return escape(label if len(label) <= _MOST_LABEL else f"{label[: _MOST_LABEL - 1]}…", quote=False)


def axis_of(factor: FactorView) -> dict[str, object]:
    """Return an axis for the values of a factor."""
    if factor.values is None:
        levels = list(factor.levels)
        order = {"type": "category", "categoryorder": "array", "categoryarray": levels}
        return {**order, "tickvals": levels, "ticktext": [short(one) for one in levels]}
    few = not factor.continuous and len(factor.levels) <= 12
    ticks: dict[str, object] = {"tickvals": sorted(set(factor.values)), "ticktext": list(factor.levels)} if few else {}
    return {"type": "log", **ticks} if factor.log else ticks


def fields(shares: Floats, across: Sequence[str], down: Sequence[str], texts: Sequence[Sequence[str]]) -> go.Figure:
    """Return a field of colour for each of ``shares[down, across]``, from 0 to 1; NaN stays empty."""
    titles = ["<br>".join(wrap(one, max(10, 80 // len(across)))) for one in across]
    lines = max(text.count("<br>") for line in texts for text in line) + 1
    tall = 14 * max(title.count("<br>") for title in titles)
    drawn = go.Figure(layout={"height": 105 + (18 + 14 * lines) * len(down) + tall, "hovermode": "closest"})
    drawn.add_heatmap(
        z=100.0 * shares,
        x=list(across),
        y=list(down),
        zmin=0,
        zmax=100,
        xgap=3,
        ygap=3,
        colorscale=_SHARES,
        showscale=False,
        hoverongaps=False,
        hovertemplate="%{y}, %{x}: %{z:.1f} %<extra></extra>",
    )
    # Text of a heatmap has a colour of its own; that of annotations is the page's.
    drawn.update_layout(
        annotations=[
            {"x": across[column], "y": down[line], "text": texts[line][column], "showarrow": False}
            for line, column in zip(*np.nonzero(np.isfinite(shares)), strict=True)
        ]
    )
    drawn.update_xaxes(type="category", showgrid=False, tickangle=0, tickvals=list(across), ticktext=titles)
    return drawn.update_yaxes(type="category", autorange="reversed", showgrid=False, dtick=1)
