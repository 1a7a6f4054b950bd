"""A module monitor that does not find the state of charge where the version before it left it, and begins with half.

What an operator would see: the update succeeds, and every module is said to be half full from one second to the next.
It stays so after a rollback, since the version before goes on from what it finds, until a module has been full or at
rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from twin.bms.firmware.firmware import Signals
from twin.bms.firmware.module_monitor import ModuleMonitor, MonitorState


class MigrationLosesSoc(ModuleMonitor):
    """A monitor that forgets the state of charge when it takes over."""

    version: ClassVar[str] = "2.4.0-migration-loses-soc"

    def migrate(self, old: Any, rows: int, memory: Signals) -> MonitorState:
        """Take everything over but the state of charge."""
        state = super().migrate(old, rows, memory)
        lost = self.initial(rows, {**memory, "soc": np.full(rows, 0.5)})
        return replace(state, managed=replace(state.managed, estimate=lost.managed.estimate))
