"""No plan."""

from __future__ import annotations

from typing import Literal

import numpy as np

from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.series import Series, level
from twin.scenario.spread import Draws


class NoSchedule(Profile):
    """Nothing is planned."""

    kind: Literal["none"] = "none"

    def series(self, window: Window, draws: Draws) -> Series:  # noqa: ARG002
        """Return no power."""
        return level(np.zeros(len(draws.sites)))
