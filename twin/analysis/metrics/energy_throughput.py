"""How much energy went through the batteries."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.analysis.evidence import Evidence
from twin.analysis.metric import Key, Metric, Part, Sample


class EnergyThroughput(Metric):
    """Energy charged and discharged at the DC bus.

    Formula: sum over rows of |power| times the row's time.

    Source: IEC 62933-2-1 (energy charged and discharged at the point of connection; here before the inverter).
    """

    title = "Energy throughput"
    unit = "kWh"
    group = "operation"
    order = 42
    better = "higher"
    floor = 0.1
    ranked = False
    needs = ("power_W",)
    parts: ClassVar = {"charged": Part("Charged", "kWh"), "discharged": Part("Discharged", "kWh")}

    def measure(self, run: Evidence) -> Sample:
        """Return the energy of each site."""
        charged, discharged = energies_kWh(run)
        keys = tuple(Key(site) for site in run.sites)
        return Sample(keys, charged + discharged, {"charged": charged, "discharged": discharged})


def energies_kWh(run: Evidence) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the energy charged and discharged, ``[2, site]``; NaN for a site that was quarantined."""
    found = np.full((2, len(run.sites)), np.nan)
    for block in run.blocks("power_W"):
        energy_kWh = block.values[0].astype(np.float64) * run.row_s / 3.6e6
        found[0, block.rows] = -np.minimum(energy_kWh, 0.0).sum(axis=-1)
        found[1, block.rows] = np.maximum(energy_kWh, 0.0).sum(axis=-1)
    return found
