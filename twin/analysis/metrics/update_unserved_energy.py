"""Energy that was asked of a battery while it was being updated, and not delivered."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Part, Sample


class UpdateUnservedEnergy(Metric):
    """Energy by which the battery fell short of what was asked of it while the site was at work on an update.

    Formula: sum over rows of (|request| - |power|)+ times the time of the row in which the site was installing,
    rebooting or checking; beside it the time for which a contactor was open that opened in such a stretch.

    Source: expected energy not served (EENS), as in the adequacy of grids, cut to the updates.
    """

    title = "Energy not served during updates"
    unit = "kWh"
    group = "update"
    order = 67
    better = "lower"
    floor = 0.01
    needs = ("rollout", "request_W", "power_W")
    parts: ClassVar = {"open": Part("Contactor open", "s")}
    nothing = "no site was updated"

    def measure(self, run: Evidence) -> Sample:
        """Return the energy of each site that was updated."""
        found = run.update_service
        values = np.where(found.updating, found.unserved_kWh, np.nan)
        return Sample(tuple(map(Key, run.sites)), values, {"open": found.open_s})
