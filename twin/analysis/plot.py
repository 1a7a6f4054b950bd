"""What a plot of the report is: one file in ``twin.analysis.plots``, found because it is there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, TypeAlias

import plotly.graph_objects as go

from twin.analysis.view import RunView

Section: TypeAlias = Literal["update", "fleet", "site", "bus"]


class Plot(ABC):
    """One plot: its place in the report, what it needs, and how it is drawn."""

    section: ClassVar[Section]
    order: ClassVar[int]
    """Place in the section, lowest first."""
    title: ClassVar[str]
    note: ClassVar[str] = ""
    """A sentence under the title: what to look for."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Signals, or ``table/column``, without which there is no such plot; ``a|b``: one of them is enough."""

    whole_run: ClassVar[bool] = True
    """Whether its axis of time is the whole run's; otherwise the plot says from when to when."""

    @abstractmethod
    def draw(self, run: RunView) -> go.Figure:
        """Return the figure; colours of text and grid are the page's."""

    def missing(self, run: RunView) -> list[str]:
        """Return what the plot needs and the run lacks."""
        return [need for need in self.needs if not run.first_of(*need.split("|"))]
