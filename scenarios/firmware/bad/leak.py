"""A module monitor that allocates at every activation and frees nothing; its heap lasts for six hours.

What an operator would see: the update succeeds, and so does every check of the next hours. Six hours after each boot
the monitors fall silent, in the order in which they were updated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from twin.bms.firmware.firmware import Inputs, IntArray, Outputs, Signals
from twin.bms.firmware.module_monitor import ModuleMonitor, MonitorState
from twin.bms.lasting import NEVER

LASTS_NS = 6 * 3_600_000_000_000


@dataclass(frozen=True)
class Leaking(MonitorState):
    """What the monitors remember, and since when they allocate."""

    booted_ns: IntArray


class Leak(ModuleMonitor):
    """A monitor that fails after hours."""

    version: ClassVar[str] = "2.4.0-leak"

    def initial(self, rows: int, memory: Signals) -> Leaking:
        """Return an empty heap."""
        return Leaking(**vars(super().initial(rows, memory)), booted_ns=np.full(rows, NEVER))

    def step(self, state: Any, inputs: Inputs) -> tuple[Leaking, Outputs]:
        """Do as before, and fail once the heap is full."""
        booted_ns = np.where(state.booted_ns == NEVER, inputs.time_ns, state.booted_ns)
        if (inputs.time_ns - booted_ns >= LASTS_NS).any():
            raise MemoryError("the heap is full")
        after, outputs = super().step(state, inputs)
        return Leaking(**vars(after), booted_ns=booted_ns), outputs
