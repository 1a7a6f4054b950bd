"""Energy that was asked of the batteries and not delivered."""

from __future__ import annotations

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample


class UnservedEnergy(Metric):
    """Energy by which the battery's power fell short of what was asked of it, over the whole run.

    Formula: sum over rows of (|request| - |power|)+ times the row's time; power in the wrong direction serves nothing.

    Source: expected energy not served (EENS), as in the adequacy of grids, of a single site and run.
    """

    title = "Energy not served"
    unit = "kWh"
    group = "isolation"
    order = 24
    better = "lower"
    floor = 0.1
    needs = ("request_W", "power_W")

    def measure(self, run: Evidence) -> Sample:
        """Return the energy of each site; of a quarantined one, none."""
        keys, values = tuple(Key(site) for site in run.sites), np.full(len(run.sites), np.nan)
        for block in run.blocks("request_W", "power_W"):
            request_W, power_W = (one.astype(np.float64) for one in block.values)
            served_W = np.clip(power_W * np.sign(request_W), 0.0, None)
            missing_W = np.clip(np.abs(request_W) - served_W, 0.0, None)
            values[block.rows] = (missing_W * run.row_s).sum(axis=-1) / 3.6e6
        return Sample(keys, values)
