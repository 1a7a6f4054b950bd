"""Which share of the hazardous faults was isolated at all."""

from __future__ import annotations

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample


class IsolatedShare(Metric):
    """Share of the hazardous faults whose place a contactor took off before the run ended.

    Formula: per fault 1 if a contactor of its module or pack (of any of the site's, where the fault has no place)
    opened at or after its begin, else 0.

    Source: ISO 26262-5:2018 (diagnostic coverage of faults that violate a safety goal), counted over the faults of
    the run in place of failure rates.
    """

    title = "Hazards isolated"
    unit = "1"
    percent = True
    group = "isolation"
    order = 21
    better = "higher"
    floor = 0.02
    per = "fault"
    needs = ("hazards", "contactors")

    def measure(self, run: Evidence) -> Sample:
        """Return 1 or 0 for each hazardous fault."""
        keys = tuple(Key(fault.site, fault.kind, fault.number) for fault in run.hazards)
        return Sample(keys, np.array([float(fault in run.isolations) for fault in run.hazards]))
