"""How far what a BMS believes of the charge is from the truth."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Part, Sample


class SocError(Metric):
    """Mean distance between the state of charge that is believed of a module and the true one.

    Formula: mean over rows and modules of |belief - mean true SOC of the module's cells|; beside it the bias (mean of
    belief - truth) and the largest distance. Rows in which nothing is believed yet are left out.

    Source: mean absolute error, as usual for SOC estimators (Plett 2004, doi:10.1016/j.jpowsour.2004.02.033, reports
    error statistics of this kind).
    """

    title = "SOC error"
    unit = "1"
    percent = True
    group = "operation"
    order = 40
    better = "lower"
    floor = 0.005
    needs = ("soc", "module_soc")
    parts: ClassVar = {"bias": Part("Bias", "1"), "largest": Part("Largest", "1")}

    def measure(self, run: Evidence) -> Sample:
        """Return the mean of each site."""
        found = np.full((3, len(run.sites)), np.nan)
        for block in run.blocks("soc", "module_soc"):
            soc, belief = (one.astype(np.float64) for one in block.values)
            error = belief - soc.mean(axis=2)
            known = np.isfinite(error)
            count = known.sum(axis=(1, 2))
            with np.errstate(invalid="ignore", divide="ignore"):
                found[0, block.rows] = np.where(known, np.abs(error), 0.0).sum(axis=(1, 2)) / count
                found[1, block.rows] = np.where(known, error, 0.0).sum(axis=(1, 2)) / count
            largest = np.where(known, np.abs(error), -np.inf).max(axis=(1, 2))
            found[2, block.rows] = np.where(count > 0, largest, np.nan)
        keys = tuple(Key(site) for site in run.sites)
        return Sample(keys, found[0], {"bias": found[1], "largest": found[2]})
