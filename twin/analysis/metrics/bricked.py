"""Which sites an update left with an ECU that runs nothing."""

from __future__ import annotations

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample


class Bricked(Metric):
    """Sites that end with a dead ECU although they have power: somebody has to drive there.

    Formula: per site of the campaign 1 if an ECU has run no version for more than 10 min when the run ends, else 0.

    Source: Uptane Standard 2.1.0 (a failed update must not leave an ECU unrecoverable); a unit with two slots never
    should, as RAUC's boot selection has it.
    """

    title = "Bricked sites"
    unit = "1"
    percent = True
    group = "update"
    order = 65
    better = "lower"
    floor = 0.001
    needs = ("rollout", "ota_versions/end_s")

    def measure(self, run: Evidence) -> Sample:
        """Return 1 or 0 for each site that the campaign is about."""
        rollout = run.rollout
        dead = np.isin(rollout.sites, rollout.bricked["site_id"].to_numpy(np.int64))
        return Sample(tuple(map(Key, rollout.sites.tolist())), dead.astype(np.float64))
