"""The homes' load from a CSV file."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.scenario.profiles.profile import Window
from twin.scenario.profiles.table import Table
from twin.scenario.series import Interpolation, Series, shared
from twin.scenario.spread import Draws, Scale


class CsvLoad(Table):
    """Power that a home draws; ``scale`` makes homes of different size of it."""

    unit: ClassVar[str] = "watt"

    kind: Literal["csv"] = "csv"
    interpolation: Interpolation = "hold"
    scale: Scale = Scale()

    def series(self, window: Window, draws: Draws) -> Series:
        """Return the load in W, positive when the home draws."""
        knots_ns, values = self.read(window)
        return shared(knots_ns, values, self.interpolation, scale=draws.per_site(self.scale, "load scale"))
