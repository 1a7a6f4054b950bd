"""No tariff: every hour costs the same."""

from __future__ import annotations

from typing import Literal

import numpy as np

from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.series import Series, level
from twin.scenario.spread import Draws


class NoTariff(Profile):
    """The price of a flat hour all the time."""

    kind: Literal["none"] = "none"

    def series(self, window: Window, draws: Draws) -> Series:  # noqa: ARG002
        """Return the price over that of a flat hour: 1."""
        return level(np.ones(len(draws.sites)))
