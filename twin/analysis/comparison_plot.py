"""What a plot of the comparison is: one file in ``twin.analysis.comparison_plots``, found because it is there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Final

import plotly.graph_objects as go

from twin.analysis.comparison import Case, Comparison
from twin.analysis.ranking import Ranking
from twin.analysis.traces import PALETTE

STACKED: Final = {"barmode": "stack", "legend_traceorder": "normal"}
"""Layout of stacked bars: the legend has the order of the parts."""


class ComparisonPlot(ABC):
    """One plot over all cases: its place on the page and how it is drawn."""

    order: ClassVar[int]
    title: ClassVar[str]
    note: ClassVar[str] = ""
    """A sentence under the title: what to look for."""

    @abstractmethod
    def draw(self, comparison: Comparison, ranking: Ranking) -> go.Figure | None:
        """Return the figure, None where there is nothing to draw; colours of text and grid are the page's."""


LEAST_FAULTS: Final = 20
"""Of fewer faults, how they were seen is told by the tables."""


class CasePlot(ABC):
    """One plot of a single case."""

    order: ClassVar[int]
    title: ClassVar[str]
    note: ClassVar[str] = ""

    @abstractmethod
    def draw(self, comparison: Comparison, case: Case) -> go.Figure | None:
        """Return the figure, None where the case has nothing to draw."""


def colour_of(comparison: Comparison, variant: str) -> str:
    """Return the colour that a variant has in every plot."""
    return PALETTE[comparison.variants.index(variant) % len(PALETTE)]
