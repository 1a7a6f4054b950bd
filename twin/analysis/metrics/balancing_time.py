"""How long it takes until cells are equal."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np

from twin.analysis.balancing import settled_s, spread
from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Part, Sample


class BalancingTime(Metric):
    """Time until the charge of cells that share a current lies within a band for good, under the load of the run.

    Formula: settling time of (highest - lowest true SOC) into ``rules.balancing_band``, in hours, of the site's slowest
    module (or series pack). Where the run ends before, its length counts, marked as a lower bound, so the mean is one
    restricted to the run. Modules that were within the band from the start have no value. Beside it the spread at the
    end.

    Source: settling time of control theory; restricted mean: Royston and Parmar 2013, doi:10.1186/1471-2288-13-152.
    """

    title = "Balancing time"
    unit = "h"
    group = "balancing"
    order = 10
    better = "lower"
    floor = 0.25
    needs = ("soc",)
    parts: ClassVar = {"end_spread": Part("Spread at the end", "1")}
    nothing = "no module was out of the band at the start"

    def measure(self, run: Evidence) -> Sample:
        """Return the time of each site."""
        values = np.full(len(run.sites), np.nan)
        end_spread = np.full(len(run.sites), np.nan)
        unsettled = np.zeros(len(run.sites), bool)
        for block in run.blocks("soc"):
            apart = spread(block.values[0].astype(np.float64), run.pack_of, together=run.contactors.series)
            when_s, settled = settled_s(apart, run.rules.balancing_band, run.run.time_s)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # "all-NaN" is what a site without imbalance looks like
                values[block.rows] = np.nanmax(when_s, axis=1) / 3600.0
                end_spread[block.rows] = np.nanmax(apart[..., -1], axis=1)
            unsettled[block.rows] = (~settled & np.isfinite(when_s)).any(axis=1)
        keys = tuple(Key(site) for site in run.sites)
        return Sample(keys, values, {"end_spread": end_spread}, unsettled)
