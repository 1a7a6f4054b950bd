"""Cells that drift apart."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from twin.ota.behaviour.behaviour import Addends, Behaviour
from twin.ota.behaviour.observation import Observation, Size
from twin.ota.behaviour.self_tests import Outcomes

SMOOTHING_S: Final = 1800.0
"""Of the spread, which also changes with the current."""


class SpreadGrowth(Behaviour):
    """By how much the spread between the highest and the lowest cell grows, mean of the modules."""

    title: ClassVar = "growth of the cells' spread"
    unit: ClassVar = "mV/h"
    floor: ClassVar = 2.0

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        self._spread_mV = np.full(size.sites, np.nan)

    def see(self, seen: Observation, tests: Outcomes) -> Addends:
        """Return the change of the smoothed spread, and the time; readings of a module under test are not true."""
        spread_mV = 1e3 * np.ptp(seen.cell_voltage_V, axis=-1).mean(axis=1)
        before_mV = self._spread_mV[seen.rows]
        share = (1.0 - np.exp(-seen.elapsed_s / SMOOTHING_S)) * tests.undisturbed
        grown_mV = share * (spread_mV - before_mV)
        self._spread_mV[seen.rows] = np.where(np.isnan(before_mV), spread_mV, before_mV + np.nan_to_num(grown_mV))
        return np.nan_to_num(grown_mV), seen.elapsed_h
