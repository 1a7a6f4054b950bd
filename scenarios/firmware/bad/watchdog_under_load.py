"""A module monitor whose task waits for ever while much current flows, until its watchdog bites.

What an operator would see: nothing at rest, and the update succeeds. Under load monitors fall silent and restart again
and again; whenever one does, its module's contactor opens, and the pack has to do without the module.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from twin.bms.firmware.firmware import Inputs, Outputs
from twin.bms.firmware.module_monitor import ModuleMonitor, MonitorState

MUCH_A = 20.0
FOR_EVER_NS = 3_600_000_000_000
USUAL_NS = 2_000_000


class WatchdogUnderLoad(ModuleMonitor):
    """A monitor that hangs above a current."""

    version: ClassVar[str] = "2.4.0-watchdog-under-load"

    def step(self, state: MonitorState, inputs: Inputs) -> tuple[MonitorState, Outputs]:
        """Do as before, and take for ever where much current flows."""
        after, outputs = super().step(state, inputs)
        much = np.abs(inputs.sensed["current_A"]) > MUCH_A
        return after, replace(outputs, execution_ns=np.where(much, FOR_EVER_NS, USUAL_NS))
