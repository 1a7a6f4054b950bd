"""A module that gets warmer although it is cooled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import COOLING_FAILED, FaultCode
from twin.bms.diagnosis.diagnosis import Diagnosis, Evidence, Said
from twin.bms.limit_levels import Levels, Limits
from twin.bms.module_data import ModuleData

COOLED: Final = 0.5
"""Commanded flow from which on heat should leave."""
ENOUGH_K: Final = 2.0
"""Something is said once the heat since cooling began would have warmed the cells by so much, had all of it stayed."""
HEAT_CAPACITY_J_K_AH: Final = 20.0
"""Of a cell, per Ah: 6300 J/K of 314 Ah, fmus/module_thermal/README.md."""


@dataclass(frozen=True)
class Cooled:
    """Since cooling began or something was said last, ``[row]``."""

    start_K: NDArray[np.float64]
    """Mean temperature at the beginning; 0: not cooled."""
    heat_K: NDArray[np.float64]
    """By how much the heat would have warmed the cells."""


class CoolingFailed(Diagnosis[Cooled]):
    """The share of its heat that stays in a module although coolant should flow."""

    code: ClassVar[FaultCode] = COOLING_FAILED

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of the share."""
        return limits.cooling_failed

    def initial(self, rows: int, module: ModuleData) -> Cooled:  # noqa: ARG002 - the same for every module
        """Return modules that are not cooled."""
        return Cooled(np.zeros(rows), np.zeros(rows))

    def step(self, state: Cooled, evidence: Evidence) -> tuple[Cooled, Said]:
        """Add up the heat while the module is cooled, and say what came of it when it is enough."""
        if not evidence.compared.any():
            return state, (evidence.nothing, evidence.whole)
        mean_K = evidence.look.measured.temperature_K.mean(axis=1)
        cooled = evidence.look.flow >= COOLED
        begins = cooled & (state.start_K == 0.0)
        heat_K = np.where(cooled & ~begins, state.heat_K + _warming_K(evidence), 0.0)
        told = evidence.compared & (heat_K >= ENOUGH_K)
        stays = np.where(told, (mean_K - state.start_K) / np.maximum(heat_K, ENOUGH_K), np.nan)
        start_K = np.where(begins | told, mean_K, np.where(cooled, state.start_K, 0.0))
        after = Cooled(
            np.where(evidence.compared, start_K, state.start_K),
            np.where(evidence.compared, np.where(told, 0.0, heat_K), state.heat_K),
        )
        return after, (stays, evidence.whole)


def _warming_K(evidence: Evidence) -> NDArray[np.float64]:
    """Return by how much the current since the comparison before would have warmed the cells, had all heat stayed."""
    module, seen_ns = evidence.module, evidence.before.seen_ns
    elapsed_s = np.where(seen_ns < 0, 0, evidence.look.measured.time_ns - seen_ns) * 1e-9
    ohm = module.ohmic_ohm + module.fast_ohm + module.slow_ohm
    heat_J: NDArray[np.float64] = evidence.look.measured.current_A**2 * (ohm * elapsed_s)
    return heat_J / (HEAT_CAPACITY_J_K_AH * module.capacity_Ah)
