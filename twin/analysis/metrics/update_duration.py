"""How long an update concerns a site's buses and ECUs."""

from __future__ import annotations

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample


class UpdateDuration(Metric):
    """Time that a site spends installing, rebooting and checking, over all attempts and releases.

    Formula: length of the site's stretches in these states; a site that never was in one has no value.

    Source: own definition; the states are those in which Mender's client leaves the running system no rest.
    """

    title = "Time at work on updates"
    unit = "s"
    group = "update"
    order = 66
    better = "lower"
    floor = 10.0
    needs = ("rollout",)
    nothing = "no site installed anything"

    def measure(self, run: Evidence) -> Sample:
        """Return the time of each site that the campaign is about."""
        rollout = run.rollout
        ours = rollout.at_work.where(np.isin(rollout.at_work.site, rollout.sites))
        total_s = ours.total_s(rollout.sites)
        return Sample(tuple(map(Key, rollout.sites.tolist())), np.where(total_s > 0.0, total_s, np.nan))
