"""How fast balancing moves charge while there is something to balance."""

from __future__ import annotations

import numpy as np

from twin.analysis.balancing import SIGNALS, balancing
from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Sample


class BalancingRate(Metric):
    """Charge that balancing takes from a module's cells in an hour, while they are out of the band.

    Formula: sum over rows of (bleed duty times cell voltage / bleed resistance + positive currents of converters) times
    the row's time, over the time, both of the rows in which the spread of the true SOC exceeds
    ``rules.balancing_band``; all modules of a site together, per module.

    Source: charge over time; 1 % of 314 Ah at 0.1 A take 31.4 h.
    """

    title = "Balancing speed"
    unit = "Ah/h"
    group = "balancing"
    order = 11
    better = "higher"
    floor = 0.01
    needs = SIGNALS
    nothing = "no module was out of the band"

    def measure(self, run: Evidence) -> Sample:
        """Return the rate of each site that had something to balance."""
        return rates(run, 0.0)


def rates(run: Evidence, least_A: float) -> Sample:
    """Return the charge moved per hour of rows out of the band in which a module carries at least ``least_A``."""
    values = np.full(len(run.sites), np.nan)
    for one in balancing(run):
        counts = (one.spread > run.rules.balancing_band) & (np.abs(one.current_A) >= least_A)
        time_s = (counts * run.row_s).sum(axis=(1, 2))
        moved_As = np.where(counts, one.moved_A * run.row_s, 0.0).sum(axis=(1, 2))
        with np.errstate(invalid="ignore", divide="ignore"):
            values[one.rows] = moved_As / time_s
    return Sample(tuple(Key(site) for site in run.sites), values)
