"""How long a site runs mixed versions."""

from __future__ import annotations

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample


class VersionSkew(Metric):
    """Time for which a site ran the release on some of the ECUs that it is for, and another version on others.

    Formula: length of the stretches in which at least one ECU ran the release and one ran another, by site.

    Source: partial bundle installation, Uptane Standard 2.1.0, as a time.
    """

    title = "Time with mixed versions"
    unit = "s"
    group = "update"
    order = 70
    better = "lower"
    floor = 10.0
    needs = ("rollout", "ota_versions/end_s")

    def measure(self, run: Evidence) -> Sample:
        """Return the time of each site that the campaign is about."""
        rollout = run.rollout
        ours = rollout.mixed.where(np.isin(rollout.mixed.site, rollout.sites))
        return Sample(tuple(map(Key, rollout.sites.tolist())), ours.total_s(rollout.sites))
