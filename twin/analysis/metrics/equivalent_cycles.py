"""How much the batteries were cycled."""

from __future__ import annotations

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample


class EquivalentCycles(Metric):
    """Equivalent full cycles of a site's modules, on the mean.

    Formula: sum over rows of |current| times the row's time, over twice the nominal capacity ``bms.capacity_Ah``.

    Source: Schmalstieg et al. 2014, doi:10.1016/j.jpowsour.2014.02.012 (charge throughput as the measure of cycling).
    """

    title = "Equivalent full cycles"
    unit = "cycles"
    group = "operation"
    order = 44
    better = "lower"
    floor = 0.05
    ranked = False
    needs = ("current_A", "scenario")

    def measure(self, run: Evidence) -> Sample:
        """Return the cycles of each site; of a quarantined one, none."""
        whole_Ah = 2.0 * run.known_scenario.bms.capacity_Ah
        values = np.full(len(run.sites), np.nan)
        for block in run.blocks("current_A"):
            moved_Ah = (np.abs(block.values[0].astype(np.float64)) * run.row_s).sum(axis=-1) / 3600.0
            values[block.rows] = moved_Ah.mean(axis=1) / whole_Ah
        return Sample(tuple(Key(site) for site in run.sites), values)
