"""How long a fault is there before anything tells of it."""

from __future__ import annotations

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample


class DetectionTime(Metric):
    """Time from the begin of an injected fault to the first finding that tells of it.

    Formula: t_finding - t_fault by the event log. Faults that were never seen have no value; their share is a part of
    transparency.

    Source: ISO 26262-1:2018 (fault detection time interval).
    """

    title = "Time to detection"
    unit = "s"
    group = "diagnostics"
    order = 31
    better = "lower"
    floor = 0.5
    per = "fault"
    needs = ("faults",)
    nothing = "no fault was seen"

    def measure(self, run: Evidence) -> Sample:
        """Return the delay of each fault that was seen."""
        found = [one for one in run.visibilities if one.asked]
        delays = [np.nan if one.delay_ns is None else one.delay_ns * 1e-9 for one in found]
        keys = tuple(Key(one.fault.site, one.fault.kind, one.fault.number) for one in found)
        return Sample(keys, np.array(delays, np.float64))
