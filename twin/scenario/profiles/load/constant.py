"""A load that does not change."""

from __future__ import annotations

from typing import Literal

from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.series import Series, level
from twin.scenario.spread import Draws, Power


class Constant(Profile):
    """The same power all the time."""

    kind: Literal["constant"] = "constant"
    power_W: Power = Power(mean=500.0)

    def series(self, window: Window, draws: Draws) -> Series:  # noqa: ARG002
        """Return the load in W, positive when the home draws."""
        return level(draws.per_site(self.power_W, "load power_W"))
