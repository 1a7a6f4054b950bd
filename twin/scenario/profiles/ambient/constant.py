"""An ambient temperature that does not change, as in a heated cellar or a climate chamber."""

from __future__ import annotations

from typing import Literal

from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.series import Series, level
from twin.scenario.spread import Draws, Temperature


class Constant(Profile):
    """The same temperature all the time."""

    kind: Literal["constant"] = "constant"
    temperature_K: Temperature = Temperature()

    def series(self, window: Window, draws: Draws) -> Series:  # noqa: ARG002
        """Return the ambient temperature in K."""
        return level(draws.per_site(self.temperature_K, "ambient"))
