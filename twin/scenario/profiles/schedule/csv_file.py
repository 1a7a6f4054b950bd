"""The batteries' power from a CSV file, as a trader or a test bench hands it over."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.scenario.profiles.profile import Window
from twin.scenario.profiles.table import Table
from twin.scenario.series import Interpolation, Series, shared
from twin.scenario.spread import Draws, Scale


class CsvSchedule(Table):
    """Power of a battery, positive when it discharges; ``scale`` makes batteries of different size of it."""

    unit: ClassVar[str] = "watt"

    kind: Literal["csv"] = "csv"
    interpolation: Interpolation = "hold"
    scale: Scale = Scale()

    def series(self, window: Window, draws: Draws) -> Series:
        """Return the planned power in W, positive when the battery discharges."""
        knots_ns, values = self.read(window)
        return shared(knots_ns, values, self.interpolation, scale=draws.per_site(self.scale, "schedule scale"))
