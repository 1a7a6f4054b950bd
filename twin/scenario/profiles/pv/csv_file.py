"""The homes' PV generation from a CSV file."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.scenario.profiles.profile import Window
from twin.scenario.profiles.table import Table
from twin.scenario.series import Interpolation, Series, shared
from twin.scenario.spread import Draws, Scale


class CsvPv(Table):
    """Power that a roof gives; ``scale`` makes roofs of different size of it."""

    unit: ClassVar[str] = "watt"
    least: ClassVar[float] = 0.0

    kind: Literal["csv"] = "csv"
    interpolation: Interpolation = "hold"
    scale: Scale = Scale()

    def series(self, window: Window, draws: Draws) -> Series:
        """Return the generation in W."""
        knots_ns, values = self.read(window)
        return shared(knots_ns, values, self.interpolation, scale=draws.per_site(self.scale, "pv scale"))
