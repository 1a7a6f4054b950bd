"""The voltages over a module's resistances, after the makers' model: one ohmic part and two RC pairs, mean cell.

Source of the model and its numbers: fmus/module_electrical/README.md; G. L. Plett, Battery Management Systems, vol. 1,
Artech House 2015, sections 2.3 and 2.4 (exact for a current that is constant between samples).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twin.bms.estimators.cell_mean import cell_mean
from twin.bms.estimators.estimator import FloatArray
from twin.bms.measured import Measured
from twin.bms.module_data import ModuleData


@dataclass(frozen=True)
class Circuit:
    """Voltages over the RC pairs and over all resistances, of a new module, ``[row]`` each."""

    fast_V: FloatArray
    slow_V: FloatArray
    lost_V: FloatArray
    """Open-circuit voltage less terminal voltage."""

    @classmethod
    def resting(cls, rows: int) -> Circuit:
        """Return modules that have rested."""
        return cls(np.zeros(rows), np.zeros(rows), np.zeros(rows))

    def after(self, measured: Measured, elapsed_s: FloatArray, module: ModuleData) -> Circuit:
        """Return the voltages after ``measured.current_A`` has flowed for ``elapsed_s[row]``."""
        colder = 1.0 / cell_mean(measured.temperature_K) - 1.0 / module.reference_K
        polarising_A = measured.current_A * np.exp(module.polarisation_activation_K * colder)
        fast, slow = np.exp(elapsed_s * (-1.0 / module.fast_s)), np.exp(elapsed_s * (-1.0 / module.slow_s))
        fast_V = fast * self.fast_V + (1.0 - fast) * module.fast_ohm * polarising_A
        slow_V = slow * self.slow_V + (1.0 - slow) * module.slow_ohm * polarising_A
        ohmic_V = module.ohmic_ohm * np.exp(module.ohmic_activation_K * colder) * measured.current_A
        return Circuit(fast_V, slow_V, fast_V + slow_V + ohmic_V)
