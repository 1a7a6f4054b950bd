"""The frequency of the grid from a CSV file."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from twin.scenario.profiles.profile import Window
from twin.scenario.profiles.table import Table
from twin.scenario.series import Interpolation, Series, shared
from twin.scenario.spread import Draws


class CsvFrequency(Table):
    """A measurement; the sites are on one grid."""

    unit: ClassVar[str] = "hertz"
    least: ClassVar[float] = 40.0

    kind: Literal["csv"] = "csv"
    interpolation: Interpolation = "linear"

    def series(self, window: Window, draws: Draws) -> Series:
        """Return the frequency in Hz."""
        knots_ns, values = self.read(window)
        return shared(knots_ns, values, self.interpolation, scale=np.ones(len(draws.sites)))
