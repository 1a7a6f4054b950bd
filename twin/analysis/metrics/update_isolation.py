"""How long a hazardous fault lasts that begins while its site is being updated."""

from __future__ import annotations

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample


class UpdateIsolation(Metric):
    """Time to isolate of the hazardous faults that begin while their site is at work on an update.

    Formula: as time_to_isolate, of the faults that begin while the site is installing, rebooting or checking.

    Source: as time_to_isolate (ISO 26262-1:2018, fault handling time interval).
    """

    title = "Time to isolate during updates"
    unit = "s"
    group = "update"
    order = 69
    better = "lower"
    floor = 0.05
    per = "fault"
    needs = ("rollout", "hazards", "contactors")
    nothing = "no hazardous fault of a site at work on an update was isolated"

    def measure(self, run: Evidence) -> Sample:
        """Return the time of each such fault that was isolated."""
        found = run.update_service.isolations_during
        keys = tuple(Key(one.fault.site, one.fault.kind, one.fault.number) for one in found)
        return Sample(keys, np.array([one.time_ns * 1e-9 for one in found], np.float64))
