"""The air around the batteries from a CSV file."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.scenario.profiles.profile import Window
from twin.scenario.profiles.table import Table
from twin.scenario.series import Interpolation, Series, shared
from twin.scenario.spread import Draws, TemperatureOffset


class CsvAmbient(Table):
    """Temperature; ``offset_K`` makes warmer and cooler places of it."""

    unit: ClassVar[str] = "kelvin"
    least: ClassVar[float] = 150.0

    kind: Literal["csv"] = "csv"
    interpolation: Interpolation = "linear"
    offset_K: TemperatureOffset = TemperatureOffset()

    def series(self, window: Window, draws: Draws) -> Series:
        """Return the ambient temperature in K."""
        knots_ns, values = self.read(window)
        return shared(knots_ns, values, self.interpolation, offset=draws.per_site(self.offset_K, "ambient"))
