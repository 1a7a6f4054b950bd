"""Module monitor 2.3.0: as 1.0.0, and it tests itself, so that a health check has more to go by than that it sends."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from twin.bms.firmware.module_monitor import ModuleMonitor, MonitorState
from twin.bms.lasting import NEVER


class ModuleMonitor230(ModuleMonitor):
    """Version 2.3.0 of the monitor of a module."""

    version: ClassVar[str] = "2.3.0"

    def healthy(self, state: MonitorState) -> NDArray[np.bool_]:
        """Return whether it has read its cells and knows a state of charge."""
        soc, read = state.managed.estimate.soc, state.managed.sampled_ns != NEVER
        well: NDArray[np.bool_] = read & (soc >= 0.0) & (soc <= 1.0)
        return well
