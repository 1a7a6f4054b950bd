"""Which sites ever ran the new release."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Part, Sample


class Exposure(Metric):
    """Share of the campaign's sites of which an ECU ever ran the release, and for how long.

    Formula: per site 1 if any of its ECUs ran the release at any time, else 0; beside it the hours for which one did.
    Of a good release it is what was wanted, of a bad one the damage: it has no weight unless a comparison gives it one.

    Source: number of units affected, as recall notices count it.
    """

    title = "Sites that ran the release"
    unit = "1"
    percent = True
    group = "update"
    order = 61
    better = "lower"
    floor = 0.01
    needs = ("rollout",)
    parts: ClassVar = {"hours": Part("Hours on it", "h")}
    ranked = False

    def measure(self, run: Evidence) -> Sample:
        """Return 1 or 0 for each site that the campaign is about."""
        rollout = run.rollout
        keys = tuple(map(Key, rollout.sites.tolist()))
        ours = rollout.exposed.where(np.isin(rollout.exposed.site, rollout.sites))
        hours = ours.total_s(rollout.sites) / 3600.0
        return Sample(keys, np.isfinite(rollout.exposed_s).astype(np.float64), {"hours": hours})
