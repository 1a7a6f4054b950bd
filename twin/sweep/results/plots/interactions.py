"""Which factors do something together that neither does alone."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from twin.sweep.results.effects import effects, exact, interactions
from twin.sweep.results.plot import ResponsePlot, fields
from twin.sweep.results.view import Absent, ResponseView, StudyView

_MOST = 12


class Interactions(ResponsePlot):
    """A field a pair of factors."""

    order = 3
    title = "Interactions"
    least_width_px = 480

    def noted(self, view: StudyView) -> str:
        """Say what the numbers are."""
        brackets = "" if view.sampling == "complete" else " In brackets: what chance could do as well."
        return (
            "Share of the response's variance, in %, that two factors explain together beyond what each explains "
            f"alone; on the diagonal, in bold, each alone.{brackets}"
        )

    def draw(self, view: StudyView, response: ResponseView) -> go.Figure | Absent:
        """Draw the strongest factors first, the lower triangle only."""
        alone, pairs = effects(view, response), interactions(view, response)
        if isinstance(pairs, Absent):
            return pairs
        if isinstance(alone, Absent):
            return alone
        names = [effect.factor.name for effect in alone[:_MOST]]
        shares = np.full((len(names), len(names)), np.nan)
        texts = [["" for _ in names] for _ in names]
        for place, effect in enumerate(alone[:_MOST]):
            shares[place, place], texts[place][place] = effect.share, f"<b>{100 * effect.share:.1f}</b>"
        for pair in pairs:
            if pair.first.name in names and pair.second.name in names:
                column, line = sorted((names.index(pair.first.name), names.index(pair.second.name)))
                said, sure = f"{100 * pair.share:.1f}", pair.sure or exact(view, response.known)
                shares[line, column], texts[line][column] = pair.share, said if sure else f"({said})"
        return fields(shares, names, names, texts)
