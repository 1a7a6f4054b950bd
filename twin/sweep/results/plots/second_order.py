"""Sobol indices of pairs: what two factors make together that neither makes alone."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from twin.sweep.results.indices import indices
from twin.sweep.results.plot import ResponsePlot, fields
from twin.sweep.results.view import Absent, ResponseView, StudyView

_MOST = 12


class SecondOrder(ResponsePlot):
    """A field a pair of factors."""

    order = 5
    title = "Second-order Sobol indices"
    note = (
        "Share of the variance, in %, that two factors make together beyond what each makes alone, with its 95 % "
        "interval; in brackets where that holds 0. On the diagonal, in bold, each alone."
    )
    least_width_px = 560

    def draw(self, view: StudyView, response: ResponseView) -> go.Figure | Absent:
        """Draw the factors with the largest total indices first, the lower triangle only."""
        found = indices(view, response)
        if isinstance(found, Absent):
            return found
        if found.second is None or found.second_half is None:
            return Absent("the design has no rows for them; state second_order: true")
        chosen = found.order[:_MOST]
        shares, texts = np.full((len(chosen), len(chosen)), np.nan), [["" for _ in chosen] for _ in chosen]
        for line, down in enumerate(chosen):
            shares[line, line] = max(0.0, float(found.first[down]))
            texts[line][line] = f"<b>{_said(found.first[down], found.first_half[down])}</b>"
            for column, across in enumerate(chosen[:line]):
                pair = min(down, across), max(down, across)
                index, half = float(found.second[pair]), float(found.second_half[pair])
                said = _said(index, half)
                shares[line, column] = max(0.0, index)
                texts[line][column] = said if abs(index) > half else f"({said})"
        names = [found.names[place] for place in chosen]
        return fields(shares, names, names, texts)


def _said(index: float, half: float) -> str:
    return f"{100 * index:.1f} ± {100 * half:.1f}"
