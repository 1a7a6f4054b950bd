"""What share of a site's power an isolation takes with it."""

from __future__ import annotations

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample
from twin.analysis.metrics.lost_capacity import SETTLED_NS


class LostPower(Metric):
    """Share of the power limits that the inverter keeps which is gone once a fault has been isolated.

    Formula: 1 - min((charge + discharge limit 60 s after the opening, or at the run's end) / (the same in the last row
    before the fault), 1), in W.

    Source: own definition.
    """

    title = "Power lost by an isolation"
    unit = "1"
    percent = True
    group = "isolation"
    order = 23
    better = "lower"
    floor = 0.02
    per = "fault"
    needs = ("hazards", "contactors", "charge_limit_W", "discharge_limit_W")
    nothing = "no hazardous fault was isolated at a site that had power before"

    def measure(self, run: Evidence) -> Sample:
        """Return a value for each hazardous fault that was isolated."""
        root = run.run.root
        limit_W = np.asarray(root["charge_limit_W"].values, float) + np.asarray(root["discharge_limit_W"].values, float)
        keys = tuple(Key(fault.site, fault.kind, fault.number) for fault in run.hazards)
        values = np.full(len(keys), np.nan)
        for place, fault in enumerate(run.hazards):
            before, found = run.row_at(fault.start_ns), run.isolations.get(fault)
            if found is None or before < 0:
                continue
            mine = limit_W[run.sites.index(fault.site)]
            after = run.row_at(min(found.opening.time_ns + SETTLED_NS, run.end_ns))
            if mine[before] > 0:
                values[place] = 1.0 - min(mine[after] / mine[before], 1.0)
        return Sample(keys, values)
