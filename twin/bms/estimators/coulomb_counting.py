"""State of charge by counting charge, corrected where a voltage says more: when full, and at rest off the plateau.

Source: G. L. Plett, Battery Management Systems, vol. 2, Artech House 2015, section 3.2 (methods and their errors).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.bms.ocv import OcvCurve

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FULL_V = 3.50
"""Highest cell voltage at which, with a small charging current, an LFP module counts as full."""
FULL_C_RATE = 0.05
REST_C_RATE = 0.01
REST_NS = 1_800_000_000_000


@dataclass(frozen=True)
class CoulombCounting:
    """Estimated SOC, time of the last sample (-1: none), and for how long a module rests, ``[row]`` each."""

    soc: FloatArray
    last_ns: IntArray
    rested_ns: IntArray

    @classmethod
    def initial(cls, soc: FloatArray) -> CoulombCounting:
        """Return the state of monitors that remember ``soc[row]`` from before they were switched off."""
        return cls(soc.copy(), np.full(soc.shape, -1, np.int64), np.zeros(soc.shape, np.int64))

    def step(
        self, current_A: FloatArray, cell_voltage_V: FloatArray, time_ns: IntArray, capacity_Ah: float, ocv: OcvCurve
    ) -> CoulombCounting:
        """Count ``current_A[row]`` since the last sample, then correct."""
        elapsed_ns = np.where(self.last_ns < 0, 0, time_ns - self.last_ns)
        soc = self.soc - current_A * (elapsed_ns * 1e-9) / (3600.0 * capacity_Ah)
        full = (cell_voltage_V.max(axis=1) >= FULL_V) & (current_A <= 0.0) & (-current_A < FULL_C_RATE * capacity_Ah)
        still = np.abs(current_A) < REST_C_RATE * capacity_Ah
        rested_ns = np.where(still, self.rested_ns + elapsed_ns, 0)
        rested = rested_ns >= REST_NS
        if rested.any():
            resting_soc, steep = ocv.soc(cell_voltage_V.mean(axis=1))
            soc = np.where(rested & steep, resting_soc, soc)
        soc = np.where(full, 1.0, soc)
        return CoulombCounting(np.minimum(np.maximum(soc, 0.0), 1.0), time_ns, rested_ns)
