"""How long it takes until a site runs the new release and is content with it."""

from __future__ import annotations

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample


class UpdateTime(Metric):
    """Time from the campaign's begin to a site's first success with the release.

    Formula: t_success - t_campaign by site of the campaign; where it never came, the time to the end of the run is a
    lower bound. Its 95th percentile is the time to 95 % of the fleet.

    Source: the measure by which rollout servers speak of themselves (percentage of targets finished over time);
    restricted mean where the run ends before (Royston and Parmar 2013, doi:10.1186/1471-2288-13-152).
    """

    title = "Time until updated"
    unit = "h"
    group = "update"
    order = 60
    better = "lower"
    floor = 0.1
    needs = ("rollout",)

    def measure(self, run: Evidence) -> Sample:
        """Return the time of each site that the campaign is about."""
        rollout = run.rollout
        never = ~np.isfinite(rollout.updated_s)
        reached_s = np.where(never, rollout.end_s, rollout.updated_s)
        keys = tuple(map(Key, rollout.sites.tolist()))
        return Sample(keys, (reached_s - rollout.start_s) / 3600.0, at_least=never)
