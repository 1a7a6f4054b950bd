"""A temperature sensor that jumps as no cell can, or reads what none can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import TEMPERATURE_IMPLAUSIBLE, FaultCode
from twin.bms.diagnosis.diagnosis import Diagnosis, Evidence, Said
from twin.bms.diagnosis.readings import POSSIBLE_K, highest
from twin.bms.limit_levels import Levels, Limits
from twin.bms.module_data import ModuleData


@dataclass(frozen=True)
class Jumped:
    """By how much each reading has jumped in all, ``[row, cell]``: back again is 0."""

    jumped_K: NDArray[np.float32]


class TemperatureImplausible(Diagnosis[Jumped]):
    """What a reading is off by jumps, or beyond what a sensor can tell."""

    code: ClassVar[FaultCode] = TEMPERATURE_IMPLAUSIBLE

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of what a reading is off."""
        return limits.temperature_implausible_K

    def initial(self, rows: int, module: ModuleData) -> Jumped:
        """Return sensors that have not jumped."""
        return Jumped(np.zeros((rows, module.cells), np.float32))

    def step(self, state: Jumped, evidence: Evidence) -> tuple[Jumped, Said]:
        """Add up the jumps."""
        if evidence.jump_K is not None:
            state = Jumped((state.jumped_K + evidence.jump_K).astype(np.float32))
        off_K, cell = highest(np.abs(state.jumped_K))
        hot, cold = evidence.read_hottest, evidence.read_coldest
        frozen, burnt = cold.value <= POSSIBLE_K[0], hot.value >= POSSIBLE_K[1]
        if (frozen | burnt).any():
            off_K = np.where(frozen, evidence.hottest_K.value - cold.value, off_K)
            off_K = np.where(burnt, hot.value - evidence.coldest_K.value, off_K)
            cell = np.where(burnt, hot.cell, np.where(frozen, cold.cell, cell))
        return state, (off_K, cell)
