"""How long sites ran the new release."""

from __future__ import annotations

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample


class ExposureTime(Metric):
    """Time for which a site ran the release on any of its ECUs; a site that never did counts with zero.

    Formula: length of the union of the stretches in which the site's ECUs ran it. It has no weight unless a comparison
    gives it one: of a good release long is good.

    Source: exposure time, as in ISO 26262-3:2018 (duration in a situation), of a site to a release.
    """

    title = "Time on the release"
    unit = "h"
    group = "update"
    order = 62
    better = "lower"
    floor = 0.1
    needs = ("rollout",)
    ranked = False

    def measure(self, run: Evidence) -> Sample:
        """Return the hours of each site that the campaign is about."""
        rollout = run.rollout
        ours = rollout.exposed.where(np.isin(rollout.exposed.site, rollout.sites))
        return Sample(tuple(map(Key, rollout.sites.tolist())), ours.total_s(rollout.sites) / 3600.0)
