"""A voltage reading that does not move while those of its neighbours do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import VOLTAGE_STUCK, FaultCode
from twin.bms.diagnosis.diagnosis import Diagnosis, Evidence, Said
from twin.bms.diagnosis.stuck import Reference
from twin.bms.limit_levels import Levels, Limits
from twin.bms.module_data import ModuleData

ENOUGH_V: Final = 0.015
"""After most have moved by so much, a reading that works has moved."""
SAME_V: Final = 1e-4
"""A reading that works may come back to within this of what it was only by chance."""
LOOKS: Final = 30
"""At so many comparisons in a row, some five minutes, a reading that works has changed by its noise."""
MOVED_LOOKS: Final = 6
"""Where the others have moved, so many in a row are enough."""
OTHERS_LOOKS: Final = 5
"""If those of most others have changed within so many, that is."""


@dataclass(frozen=True)
class Still:
    """What movement is counted from, and for how many comparisons each reading has stayed, ``[row, cell]``."""

    reference: Reference
    reading: NDArray[np.float32]
    looks: NDArray[np.int16]


class VoltageStuck(Diagnosis[Still]):
    """The stillest reading of a module."""

    code: ClassVar[FaultCode] = VOLTAGE_STUCK

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of what the others have moved."""
        return limits.voltage_stuck_V

    def initial(self, rows: int, module: ModuleData) -> Still:
        """Return references of modules that were not seen yet."""
        shape = (rows, module.cells)
        return Still(Reference.initial(*shape), np.zeros(shape, np.float32), np.zeros(shape, np.int16))

    def step(self, state: Still, evidence: Evidence) -> tuple[Still, Said]:
        """Return by how much the others have moved while one reading has not, each time that they have.

        A reading that has lost its noise is told as soon, with what the others would have to move by to show it.
        """
        compared = evidence.compared
        if not compared.any():
            return state, (evidence.nothing, evidence.whole)
        voltage_V = evidence.look.measured.voltage_V
        reference, value, cell = state.reference.step(voltage_V, evidence, ENOUGH_V, SAME_V)
        same = np.abs(voltage_V - state.reading) <= SAME_V
        looks = np.where(compared[:, None], np.where(same, np.minimum(state.looks + 1, LOOKS), 0), state.looks)
        most = (looks <= OTHERS_LOOKS).sum(axis=1) > looks.shape[1] // 2
        value = np.where((value > 0.0) & (looks[np.arange(len(cell)), cell] < MOVED_LOOKS), 0.0, value)
        frozen = compared & most & (looks.max(axis=1) >= LOOKS)
        after = Still(
            reference,
            np.where(compared[:, None], voltage_V, state.reading).astype(np.float32),
            looks.astype(np.int16),
        )
        return after, (np.where(frozen, ENOUGH_V, value), np.where(frozen, looks.argmax(axis=1), cell))
