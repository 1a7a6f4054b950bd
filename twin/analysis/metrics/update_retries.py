"""How often sites had to try again."""

from __future__ import annotations

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample


class UpdateRetries(Metric):
    """Attempts at the release beyond the first, by site that made any.

    Formula: highest number of an attempt - 1; a site that never began has no value.

    Source: own definition; attempts as hawkBit's and Mender's device APIs count them.
    """

    title = "Retries"
    unit = "1"
    group = "update"
    order = 64
    better = "lower"
    floor = 0.05
    needs = ("rollout",)
    nothing = "no site made an attempt"

    def measure(self, run: Evidence) -> Sample:
        """Return the retries of each site that the campaign is about."""
        attempts = run.rollout.attempts
        keys = tuple(map(Key, run.rollout.sites.tolist()))
        return Sample(keys, np.where(attempts > 0, attempts - 1.0, np.nan))
