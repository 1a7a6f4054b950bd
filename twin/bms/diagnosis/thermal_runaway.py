"""A cell that warms faster than any load explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import THERMAL_RUNAWAY, FaultCode
from twin.bms.diagnosis.diagnosis import Diagnosis, Evidence, Said
from twin.bms.diagnosis.readings import highest
from twin.bms.limit_levels import Levels, Limits
from twin.bms.module_data import ModuleData

LAG_S: Final = 10.0
"""Time constant against which a rise is seen: a sensor's step of 0.5 K looks like 0.05 K/s."""


@dataclass(frozen=True)
class Lag:
    """The temperatures, following slowly, ``[row, cell]``."""

    temperature_K: NDArray[np.float32]


class ThermalRunaway(Diagnosis[Lag]):
    """The fastest rise of a temperature: what a slow follower lags behind, over its time constant."""

    code: ClassVar[FaultCode] = THERMAL_RUNAWAY

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the rise."""
        return limits.thermal_runaway_K_s

    def initial(self, rows: int, module: ModuleData) -> Lag:
        """Return followers that have not seen anything."""
        return Lag(np.zeros((rows, module.cells), np.float32))

    def step(self, state: Lag, evidence: Evidence) -> tuple[Lag, Said]:
        """Let the followers follow; a jump that no cell can make is the sensor's, and they go with it."""
        lag_K = state.temperature_K
        if evidence.jump_K is not None:
            lag_K = lag_K + evidence.jump_K
        share = -np.expm1(evidence.elapsed_ns * (-1e-9 / LAG_S))
        share[evidence.recent.time_ns < 0] = 1.0
        behind_K = evidence.temperature_K - lag_K
        after = Lag(lag_K + share.astype(np.float32)[:, None] * behind_K)
        # Unbiased for a steady rise however far apart the looks are.
        rise, cell = highest(behind_K)
        per_s = share / np.maximum(evidence.elapsed_ns * 1e-9, 1e-9) * (evidence.elapsed_ns > 0)
        return after, (rise * per_s, cell)
