"""Module monitor 2.4.0: as 2.3.0, and what it has measured of its module's age survives power-off."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from twin.bms.estimators.health import Ratio
from twin.bms.firmware.firmware import Signals
from twin.bms.firmware.module_monitor import ModuleMonitor, MonitorState
from twin.bms.lasting import NEVER

AGE = ("shrinkage", "resistance")


class ModuleMonitor240(ModuleMonitor):
    """Version 2.4.0 of the monitor of a module."""

    version: ClassVar[str] = "2.4.0"

    def initial(self, rows: int, memory: Signals) -> MonitorState:
        """Return open contactors and the remembered state of charge and of health, as far as a version has kept it."""
        state = super().initial(rows, memory)
        if not memory.keys() >= {*AGE}:
            return state
        shrinkage, resistance = (Ratio(memory[name], memory[f"{name}_sd"]) for name in AGE)
        health = replace(state.managed.health, shrinkage=shrinkage, resistance=resistance)
        return replace(state, managed=replace(state.managed, health=health))

    def memory(self, state: MonitorState) -> Signals:
        """Return the estimated states of charge and of health."""
        ratios = {name: getattr(state.managed.health, name) for name in AGE}
        values = {name: ratio.value for name, ratio in ratios.items()}
        return {**super().memory(state), **values, **{f"{name}_sd": ratio.sd for name, ratio in ratios.items()}}

    def healthy(self, state: MonitorState) -> NDArray[np.bool_]:
        """Return whether it has read its cells and knows a state of charge."""
        soc, read = state.managed.estimate.soc, state.managed.sampled_ns != NEVER
        well: NDArray[np.bool_] = read & (soc >= 0.0) & (soc <= 1.0)
        return well
