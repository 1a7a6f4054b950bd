"""PV under a cloudless sky; see ``twin/scenario/profiles/roof.py`` for its physics."""

from __future__ import annotations

from typing import Literal

import numpy as np

from twin.scenario.profiles.profile import Window
from twin.scenario.profiles.roof import Roof
from twin.scenario.series import Series
from twin.scenario.spread import Draws


class ClearSky(Roof):
    """A fixed array on each roof."""

    kind: Literal["clear_sky"] = "clear_sky"

    def series(self, window: Window, draws: Draws) -> Series:
        """Return the power at the inverter's AC side in W."""
        knots_ns, values = self.cloudless(window, draws)
        peaks_W = self.peaks_W(draws)
        return Series(knots_ns, values, peaks_W, np.zeros(len(peaks_W)), "linear")
