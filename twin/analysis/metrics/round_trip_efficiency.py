"""How much of the energy that was charged came back."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from twin import resources
from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Part, Sample
from twin.analysis.metrics.energy_throughput import energies_kWh
from twin.analysis.thinning import Floats

LEAST_SHARE: Final = 0.05
"""Of the stored energy that must have gone through: below it, the stored energy's error drowns the losses."""


class RoundTripEfficiency(Metric):
    """Energy that came out over energy that went in, corrected by what the cells hold at the end.

    Formula: (discharged + gain) / (charged + loss), where gain and loss are the positive parts of the change of the
    stored energy, sum over cells of capacity times the integral of the open-circuit voltage over the true SOC. Sites
    whose throughput is less than 5 % of what they hold have no value.

    Source: IEC 62933-2-1 (roundtrip efficiency), with the correction for unequal ends; OCV of data/cells
    (Prada et al. 2013).
    """

    title = "Round-trip efficiency"
    unit = "1"
    percent = True
    group = "operation"
    order = 43
    better = "higher"
    floor = 0.02
    needs = ("power_W", "soc", "scenario")
    parts: ClassVar = {"stored": Part("Change of stored energy", "kWh")}
    nothing = "too little energy went through"

    def measure(self, run: Evidence) -> Sample:
        """Return the efficiency of each site with enough throughput."""
        charged, discharged = energies_kWh(run)
        stored, full = _stored_kWh(run)
        enough = charged + discharged >= LEAST_SHARE * full
        with np.errstate(invalid="ignore", divide="ignore"):
            efficiency = (discharged + np.maximum(stored, 0.0)) / (charged + np.maximum(-stored, 0.0))
        keys = tuple(Key(site) for site in run.sites)
        return Sample(keys, np.where(enough, efficiency, np.nan), {"stored": stored})


def _stored_kWh(run: Evidence) -> tuple[Floats, Floats]:
    """Return how much more the cells hold in the end than at the start, and what they hold when full, ``[site]``."""
    knots = np.loadtxt(resources.folder("data") / "cells" / "ocv_lfp_prada2013.csv", delimiter=",", skiprows=1)
    energy_V = np.concatenate(([0.0], np.cumsum(np.diff(knots[:, 0]) * (knots[1:, 1] + knots[:-1, 1]) / 2)))
    capacity_kAh = run.fleet.capacity_Ah / 1e3
    last = run.run.root["soc"].isel(time=-1).values
    ends = (np.interp(soc, knots[:, 0], energy_V) for soc in (last, run.fleet.soc_start))
    end, start = ((capacity_kAh * one).sum(axis=(1, 2)) for one in ends)
    known = np.isfinite(last).all(axis=(1, 2))
    return np.where(known, end - start, np.nan), (capacity_kAh * energy_V[-1]).sum(axis=(1, 2))
