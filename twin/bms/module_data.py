"""What the makers of a BMS know of a module: the data sheet of its cells."""

from __future__ import annotations

from dataclasses import dataclass

from twin.bms.ocv import OcvCurve


@dataclass(frozen=True)
class ModuleData:
    """Cells in series and what each is when new; sources: fmus/module_electrical/README.md."""

    cells: int
    capacity_Ah: float
    ocv: OcvCurve
    ohmic_ohm: float = 2.0e-4
    """R0 at half charge and ``reference_K``, as the next two."""
    fast_ohm: float = 1.2e-4
    slow_ohm: float = 1.8e-4
    fast_s: float = 20.0
    slow_s: float = 300.0
    ohmic_activation_K: float = 2000.0
    """Activation energy of R0 over the gas constant."""
    polarisation_activation_K: float = 4000.0
    """Likewise, of R1 and R2."""
    reference_K: float = 298.15
