"""What balancing turns into heat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.analysis.balancing import SIGNALS, balancing
from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Part, Sample


class BalancingLoss(Metric):
    """Energy that balancing turns into heat for each Ah that it takes from cells.

    Formula: sum over rows and cells of (bleed current + converter current, positive discharges) times cell voltage
    times the row's time, over the charge taken; beside it the energy itself.

    Source: Joule heat of the resistors, and the difference of what converters take and give.
    """

    title = "Energy lost by balancing"
    unit = "Wh/Ah"
    group = "balancing"
    order = 13
    better = "lower"
    floor = 0.1
    needs = SIGNALS
    parts: ClassVar = {"lost": Part("Lost", "Wh"), "moved": Part("Charge taken", "Ah")}
    nothing = "nothing was balanced"

    def measure(self, run: Evidence) -> Sample:
        """Return the ratio of each site that balanced."""
        lost_Wh, moved_Ah = np.full((2, len(run.sites)), np.nan)
        for one in balancing(run):
            lost_Wh[one.rows] = (one.lost_W * run.row_s).sum(axis=(1, 2)) / 3600.0
            moved_Ah[one.rows] = (one.moved_A * run.row_s).sum(axis=(1, 2)) / 3600.0
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.where(moved_Ah > 0, lost_Wh / moved_Ah, np.nan)
        return Sample(tuple(Key(site) for site in run.sites), values, {"lost": lost_Wh, "moved": moved_Ah})
