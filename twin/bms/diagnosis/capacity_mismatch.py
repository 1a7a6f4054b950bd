"""A state of charge that had to be corrected by much: what was counted was wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import CAPACITY_MISMATCH, FaultCode
from twin.bms.diagnosis.diagnosis import Diagnosis, Evidence, Said
from twin.bms.limit_levels import Levels, Limits
from twin.bms.module_data import ModuleData

CORRECTION: Final = 0.02
"""A smaller change beside what flowed is none."""
FORGET_NS: Final = 86_400_000_000_000
"""After a day without a correction, nothing is wrong any more."""


@dataclass(frozen=True)
class Corrected:
    """The state of charge at the last comparison, and when it was corrected last (-1: never), ``[row]``."""

    soc: NDArray[np.float64]
    corrected_ns: NDArray[np.int64]


class CapacityMismatch(Diagnosis[Corrected]):
    """By how much an estimated state of charge changes beside what flowed."""

    code: ClassVar[FaultCode] = CAPACITY_MISMATCH

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of a correction."""
        return limits.capacity_mismatch

    def initial(self, rows: int, module: ModuleData) -> Corrected:  # noqa: ARG002 - the same for every module
        """Return modules whose state of charge was never corrected."""
        return Corrected(np.zeros(rows), np.full(rows, -1))

    def step(self, state: Corrected, evidence: Evidence) -> tuple[Corrected, Said]:
        """Compare the change since the comparison before with what flowed."""
        compared, seen_ns = evidence.compared, evidence.before.seen_ns
        if not compared.any():
            return state, (evidence.nothing, evidence.whole)
        measured, soc = evidence.look.measured, evidence.look.cell_soc.mean(axis=1)
        hours = (measured.time_ns - seen_ns) / 3.6e12
        correction = np.abs(soc - state.soc + measured.current_A * hours / evidence.module.capacity_Ah)
        corrected = compared & (seen_ns >= 0) & (correction >= CORRECTION)
        forgotten = (state.corrected_ns >= 0) & (measured.time_ns - state.corrected_ns >= FORGET_NS)
        value = np.where(corrected, correction, np.where(compared & forgotten, 0.0, np.nan))
        after = Corrected(np.where(compared, soc, state.soc), np.where(corrected, measured.time_ns, state.corrected_ns))
        return after, (value, evidence.whole)
