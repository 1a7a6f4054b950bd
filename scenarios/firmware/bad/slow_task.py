"""A module monitor whose task takes 2.4 periods: a filter was compiled without the floating-point unit.

What an operator would see: the update succeeds, and the watchdog is content. Telemetry comes at less than half the
rate, and a module is isolated up to some seconds late.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from twin.bms.firmware.firmware import Inputs, Outputs
from twin.bms.firmware.module_monitor import ModuleMonitor, MonitorState
from twin.bms.options import Bms
from twin.bms.site import Site

PERIODS = 2.4


class SlowTask(ModuleMonitor):
    """A monitor that is late."""

    version: ClassVar[str] = "2.4.0-slow-task"

    def __init__(self, options: Bms, site: Site) -> None:
        super().__init__(options, site)
        self._takes_ns = round(PERIODS * options.period_s * 1e9)

    def step(self, state: MonitorState, inputs: Inputs) -> tuple[MonitorState, Outputs]:
        """Do as before, later."""
        after, outputs = super().step(state, inputs)
        return after, replace(outputs, execution_ns=np.full(len(inputs.time_ns), self._takes_ns))
