"""Which updates were given up."""

from __future__ import annotations

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample


class UpdateFailures(Metric):
    """Share of the campaign's sites that gave the release up at least once, after their own retries.

    Formula: per site 1 if its update ever ended in the state failure, else 0. What was put off and tried again is no
    failure: see update_retries.

    Source: the status "failure" of Mender's device API, and the error condition of hawkBit's rollout groups.
    """

    title = "Failed updates"
    unit = "1"
    percent = True
    group = "update"
    order = 63
    better = "lower"
    floor = 0.01
    needs = ("rollout",)

    def measure(self, run: Evidence) -> Sample:
        """Return 1 or 0 for each site that the campaign is about."""
        keys = tuple(map(Key, run.rollout.sites.tolist()))
        return Sample(keys, run.rollout.failed.astype(np.float64))
