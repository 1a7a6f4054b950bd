"""Homes without PV."""

from __future__ import annotations

from typing import Literal

import numpy as np

from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.series import Series, level
from twin.scenario.spread import Draws


class NoPv(Profile):
    """No generation at all."""

    kind: Literal["none"] = "none"

    def series(self, window: Window, draws: Draws) -> Series:  # noqa: ARG002
        """Return zero W."""
        return level(np.zeros(len(draws.sites)))
