"""State of charge by counting charge, corrected where a voltage says more: when full, and at rest off the plateau.

Source: G. L. Plett, Battery Management Systems, vol. 2, Artech House 2015, section 3.2 (methods and their errors).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from twin.bms.estimators.cell_mean import cell_mean
from twin.bms.estimators.estimator import UNKNOWN_SOC_SD, Condition, Estimate, Estimator, FloatArray, IntArray
from twin.bms.measured import Measured
from twin.bms.module_data import ModuleData
from twin.quantity import Amperes, Seconds, Volts


@dataclass(frozen=True)
class Count(Estimate):
    """What counting remembers beside the estimate, ``[row]`` each."""

    last_ns: IntArray
    """Time of the last sample, -1: none."""
    rested_ns: IntArray
    """For how long hardly any current has flowed."""


class CoulombCounter(Estimator[Count]):
    """Counts charge; resets when full, and at rest where the OCV curve is steep."""

    kind: Literal["coulomb_counting"] = "coulomb_counting"
    full_V: Annotated[Volts, Field(gt=0)] = 3.50
    """Highest cell voltage at which, with a small charging current, an LFP module counts as full."""
    full_C_rate: Annotated[float, Field(gt=0)] = 0.05
    rest_C_rate: Annotated[float, Field(gt=0)] = 0.01
    """Less current than this is rest."""
    rest_s: Annotated[Seconds, Field(ge=0)] = 1800.0
    """After so long a rest, terminal voltage is open-circuit voltage: six times the slow RC pair's time constant."""
    gain_sd: Annotated[float, Field(ge=0)] = 0.01
    """Relative error of the current sensor."""
    offset_sd_A: Annotated[Amperes, Field(ge=0)] = 0.05
    """Offset of the current sensor."""
    full_sd: Annotated[float, Field(gt=0)] = 0.01
    """By how much a module that counts as full may not be."""
    rest_sd: Annotated[float, Field(gt=0)] = 0.006
    """Error of the SOC after a rest: 3 mV on the least slope that counts as steep."""

    def initial(self, soc: FloatArray, module: ModuleData) -> Count:
        """Return the remembered SOC, and all cells alike."""
        rows = len(soc)
        never, none = np.full(rows, -1, np.int64), np.zeros(rows, np.int64)
        return Count(soc.copy(), np.full(rows, UNKNOWN_SOC_SD), np.zeros((rows, module.cells)), never, none)

    def step(
        self, estimate: Count, measured: Measured, balancing_A: FloatArray, condition: Condition, module: ModuleData
    ) -> Count:
        """Count the current since the last sample, then correct."""
        elapsed_ns = np.where(estimate.last_ns < 0, 0, measured.time_ns - estimate.last_ns)
        counted = self._count(estimate, measured, balancing_A, elapsed_ns, condition)
        soc, soc_sd, apart = counted.soc, counted.soc_sd, counted.apart
        current_A, voltage_V = measured.current_A, measured.voltage_V
        rested = measured.fresh & (counted.rested_ns >= round(self.rest_s * 1e9))
        if rested.any():
            resting_soc, steep = module.ocv.soc(cell_mean(voltage_V))
            rested &= steep
            cell_soc = module.ocv.nearest_soc(voltage_V)
            apart = np.where(rested[:, None], cell_soc - cell_mean(cell_soc)[:, None], apart)
            soc, soc_sd = np.where(rested, resting_soc, soc), np.where(rested, self.rest_sd, soc_sd)
        small_A = self.full_C_rate * condition.capacity_Ah
        full = measured.fresh & (current_A <= 0.0) & (-current_A < small_A)
        if full.any():
            full &= (voltage_V >= self.full_V).any(axis=1)
            soc, soc_sd = np.where(full, 1.0, soc), np.where(full, self.full_sd, soc_sd)
        return Count(np.minimum(np.maximum(soc, 0.0), 1.0), soc_sd, apart, counted.last_ns, counted.rested_ns)

    def _count(
        self,
        before: Count,
        measured: Measured,
        balancing_A: FloatArray,
        elapsed_ns: NDArray[np.int64],
        condition: Condition,
    ) -> Count:
        soc_A = elapsed_ns * 1e-9 / (3600.0 * condition.capacity_Ah)
        bled_A = cell_mean(balancing_A)
        moved = -(measured.current_A + bled_A) * soc_A
        still = np.abs(measured.current_A) < self.rest_C_rate * condition.capacity_Ah
        return Count(
            before.soc + moved,
            before.soc_sd + np.abs(moved) * (self.gain_sd + condition.capacity_sd) + self.offset_sd_A * soc_A,
            before.apart - (balancing_A - bled_A[:, None]) * soc_A[:, None],
            measured.time_ns,
            np.where(still, before.rested_ns + elapsed_ns, 0),
        )
