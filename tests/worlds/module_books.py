"""The books of modules: whether charge and energy that came, went, stayed and became heat add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twin.plant.coupling import CoupledModules, ModuleSignals
from twin.plant.pool import FloatArray

CELLS = 16


@dataclass
class Books:
    """What modules should have stored since ``__init__``, kept beside them; ``record`` after every step."""

    modules: CoupledModules
    capacity_Ah: FloatArray
    """``[module, cell]``"""

    def __post_init__(self) -> None:
        self.start_Ah = self.modules.signals.charge_Ah.copy()
        self.faded_Ah = np.zeros_like(self.start_Ah)
        self._factor = np.ones_like(self.capacity_Ah)

    def age(self, capacity_factor: FloatArray, resistance_growth: FloatArray) -> None:
        """Age the cells; what they lose of their capacity takes its charge with it."""
        lost = self.capacity_Ah * (self._factor - capacity_factor) * self.modules.signals.soc
        self.faded_Ah += lost.sum(axis=-1)
        self._factor = capacity_factor
        self.modules.age(capacity_factor, resistance_growth)

    def charge_error(self) -> float:
        """Return the largest error of a module's charge, of what has moved."""
        of = self.modules.signals
        moved = (CELLS * of.delivered_Ah, of.balanced_Ah, of.bled_Ah, of.lost_Ah, self.faded_Ah)
        return _error(of.charge_Ah - self.start_Ah, *moved)

    def energy_error(self) -> float:
        """Return the largest error of a module's energy, of what has moved."""
        of = self.modules.signals
        moved = (of.delivered_J, of.balanced_J, of.board_heat_J, of.heat_J.sum(axis=-1))
        return _error(of.stored_J, *moved)

    def largest_error(self) -> float:
        """Return the larger one of both."""
        return max(self.charge_error(), self.energy_error())


def _error(stored: FloatArray, *left: FloatArray) -> float:
    return float((np.abs(stored + sum(left)) / (np.abs(stored) + sum(map(np.abs, left)))).max())


def signals_of(modules: CoupledModules) -> ModuleSignals:
    """Return a copy of what modules say."""
    return ModuleSignals(**{name: array.copy() for name, array in modules.signals.arrays().items()})
