"""A voltage reading that does not move while those of its neighbours do."""

from __future__ import annotations

from typing import ClassVar, Final

from twin.bms.codes import VOLTAGE_STUCK, FaultCode
from twin.bms.diagnosis.diagnosis import Diagnosis, Evidence, Said
from twin.bms.diagnosis.stuck import Reference
from twin.bms.limit_levels import Levels, Limits
from twin.bms.module_data import ModuleData

ENOUGH_V: Final = 0.015
"""After most have moved by so much, a reading that works has moved."""
SAME_V: Final = 1e-4
"""A reading that works may come back to within this of what it was only by chance."""


class VoltageStuck(Diagnosis[Reference]):
    """The stillest reading of a module."""

    code: ClassVar[FaultCode] = VOLTAGE_STUCK

    def levels(self, limits: Limits) -> Levels:
        """Return the limits of what the others have moved."""
        return limits.voltage_stuck_V

    def initial(self, rows: int, module: ModuleData) -> Reference:
        """Return references of modules that were not seen yet."""
        return Reference.initial(rows, module.cells)

    def step(self, state: Reference, evidence: Evidence) -> tuple[Reference, Said]:
        """Return by how much the others have moved while one reading has not, each time that they have."""
        after, value, cell = state.step(evidence.look.measured.voltage_V, evidence, ENOUGH_V, SAME_V)
        return after, (value, cell)
