"""What share of a site an isolation takes with it."""

from __future__ import annotations

from typing import Final

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample

SETTLED_NS: Final = 60_000_000_000
"""After the first opening: by then, a pack that follows its module has opened, too, and others have closed again."""


class LostCapacity(Metric):
    """Share of the site's modules that no longer deliver once a fault has been isolated: the blast radius.

    Formula: 1 - (modules that deliver 60 s after the opening, or at the run's end) / (modules that delivered just
    before the fault); a module delivers where its own contactor and its pack's are closed, and, in series without
    bypass, all of its string's.

    Source: own definition; "what is lost when a module goes" follows from who can open what.
    """

    title = "Capacity lost by an isolation"
    unit = "1"
    percent = True
    group = "isolation"
    order = 22
    better = "lower"
    floor = 0.02
    per = "fault"
    needs = ("hazards", "contactors")
    nothing = "no hazardous fault was isolated"

    def measure(self, run: Evidence) -> Sample:
        """Return a value for each hazardous fault that was isolated."""
        keys, values = [], []
        for fault in run.hazards:
            found = run.isolations.get(fault)
            keys.append(Key(fault.site, fault.kind, fault.number))
            if found is None:
                values.append(np.nan)
                continue
            before = run.contactors.delivering(fault.site, fault.start_ns - 1).sum()
            after = run.contactors.delivering(fault.site, min(found.opening.time_ns + SETTLED_NS, run.end_ns)).sum()
            values.append(1.0 - after / before if before else np.nan)
        return Sample(tuple(keys), np.array(values, np.float64))
