"""Contactors and protection levels of one site as strips over time."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from twin.analysis.plot import Plot
from twin.analysis.thinning import changes
from twin.analysis.traces import BLUE, GREEN, GREY, ORANGE, RED, VIOLET, figure
from twin.analysis.view import RunView, module_name

_COLOURS: Final = {
    "closed": GREEN,
    "precharge": BLUE,
    "open": GREY,
    "ok": "#a9cfae",
    "info": BLUE,
    "warning": ORANGE,
    "fatal": RED,
}
_MOST_STRETCHES: Final = 600


class SiteStates(Plot):
    """When contactors opened, and which protection level was in force."""

    section = "site"
    order = 6
    title = "Contactors and protection levels"
    note = "A strip a switch; colours as in the legend."
    needs = ("pack_state|module_state|level",)

    def draw(self, run: RunView) -> go.Figure:
        """Draw a strip a pack and a module."""
        strips = _strips(run)
        drawn = figure("", height=130 + 34 * len(strips))
        shown: set[str] = set()
        for label, states, meanings in strips:
            for value in np.unique(states):
                word = meanings.get(int(value), str(value))
                drawn.add_trace(_strip(run, label, states, int(value), word).update(showlegend=word not in shown))
                shown.add(word)
        drawn.update_yaxes(type="category", autorange="reversed", title_text=None, showgrid=False)
        return drawn.update_layout(barmode="overlay", hovermode="closest", bargap=0.35)


def _strips(run: RunView) -> list[tuple[str, npt.NDArray[Any], dict[int, str]]]:
    strips = []
    if run.has("pack_state"):
        strips.append(("pack", run.of_site("pack_state"), run.meanings("pack_state")))
    for slot in run.slots_in_depth(most=8):
        for name, label in (("module_state", "contactor"), ("level", "level")):
            if run.has(name):
                strips.append((f"{module_name(slot)}, {label}", run.of_site(name)[slot], run.meanings(name)))
    return strips


def _strip(run: RunView, label: str, states: npt.NDArray[Any], value: int, word: str) -> go.Bar:
    starts = changes(states)[:-1] if len(states) > 1 else np.array([0])
    if len(starts) > _MOST_STRETCHES:  # a switch that chatters: every stretch would be thinner than a pixel
        starts = np.linspace(0, len(states) - 1, _MOST_STRETCHES, endpoint=False).astype(np.int64)
    ends_ms = run.clock_ms[np.append(starts[1:], len(states) - 1)]
    mine = states[starts] == value
    begin_ms = run.clock_ms[starts][mine]
    return go.Bar(
        orientation="h",
        y=[label] * int(mine.sum()),
        base=begin_ms,
        x=ends_ms[mine] - begin_ms,
        name=word,
        legendgroup=word,
        marker={"color": _COLOURS.get(word, VIOLET), "line": {"width": 0}},
        hovertemplate=f"{label}: {word} since %{{base|%H:%M:%S}}<extra></extra>",
    )
