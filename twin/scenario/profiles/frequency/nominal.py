"""A grid without end: its frequency never moves."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from twin.quantity import Hertz
from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.series import Series, level
from twin.scenario.spread import Draws


class Nominal(Profile):
    """The same frequency all the time."""

    kind: Literal["nominal"] = "nominal"
    nominal_Hz: Annotated[Hertz, Field(ge=40, le=70)] = 50.0

    def series(self, window: Window, draws: Draws) -> Series:  # noqa: ARG002
        """Return the frequency in Hz."""
        return level(np.full(len(draws.sites), self.nominal_Hz))
