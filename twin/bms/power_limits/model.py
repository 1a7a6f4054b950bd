"""The highest current that keeps every cell within its voltage limits over a horizon, by the model of the cell.

From the extreme cell's voltage and the current that flows follows its voltage without ohmic drop; a constant current
over the horizon takes from it the drop over the ohmic part, what the RC pairs build up, and the OCV's change with the
charge. Polarisation that is there already is taken to stay: it would relax, so the result errs on the safe side.
Resistances are those of the coldest cell, times the module's estimated factor and a margin.

Source: G. L. Plett, Battery Management Systems, vol. 2, Artech House 2015, ch. 6 (power limits by voltage).
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from twin.bms.limit_levels import Limits
from twin.bms.module_data import ModuleData
from twin.bms.power_limits.power_limits import (
    MARGIN_V,
    FloatArray,
    PowerLimits,
    Seen,
    charging_share,
    clipped,
    discharging_share,
)
from twin.quantity import Seconds


class _Resistances(NamedTuple):
    ohmic_ohm: FloatArray
    horizon_ohm: FloatArray
    """Ohmic part, and what the RC pairs build up over the horizon, with the margin."""


class Model(PowerLimits):
    """Limits by a model of resistance and open-circuit voltage."""

    kind: Literal["model"] = "model"
    horizon_s: Annotated[Seconds, Field(gt=0)] = 10.0
    """For so long must the current be possible."""
    resistance_margin: Annotated[float, Field(ge=1)] = 1.3
    """By how much cells may have more resistance than the model says: towards empty and full they do."""

    def allowed_A(self, seen: Seen, limits: Limits, most_A: FloatArray, module: ModuleData) -> FloatArray:
        """Return the currents that voltage and temperature leave, at most the recommended ones."""
        ohm = self._resistances(seen, module)
        highest_V = limits.cell_overvoltage_V.info - MARGIN_V
        lowest_V = limits.cell_undervoltage_V.info + MARGIN_V
        still_V = seen.highest_V + seen.current_A * ohm.ohmic_ohm
        slope_ohm = self._slope_ohm(still_V, -most_A[0], seen, module)
        charge_A = (highest_V - still_V) / (ohm.horizon_ohm + slope_ohm)
        still_V = seen.lowest_V + seen.current_A * ohm.ohmic_ohm
        slope_ohm = self._slope_ohm(still_V, most_A[1], seen, module)
        discharge_A = (still_V - lowest_V) / (ohm.horizon_ohm + slope_ohm)
        charge_A = np.minimum(charge_A, charging_share(seen.hottest_K, seen.coldest_K, limits) * most_A[0])
        discharge_A = np.minimum(discharge_A, discharging_share(seen.hottest_K, limits) * most_A[1])
        return clipped(np.stack([charge_A, discharge_A], axis=-1) / most_A) * most_A

    def _resistances(self, seen: Seen, module: ModuleData) -> _Resistances:
        colder = 1.0 / seen.coldest_K - 1.0 / module.reference_K
        factor = seen.resistance_factor
        ohmic_ohm = module.ohmic_ohm * factor * np.exp(module.ohmic_activation_K * colder)
        fast = -np.expm1(-self.horizon_s / module.fast_s)
        slow = -np.expm1(-self.horizon_s / module.slow_s)
        built_up_ohm = module.fast_ohm * fast + module.slow_ohm * slow
        polarising = factor * np.exp(module.polarisation_activation_K * colder)
        return _Resistances(ohmic_ohm, (ohmic_ohm + built_up_ohm * polarising) * self.resistance_margin)

    def _slope_ohm(self, still_V: FloatArray, current_A: float, seen: Seen, module: ModuleData) -> FloatArray:
        """Return the change of OCV over the horizon per ampere: of a chord as long as the highest current makes it."""
        moved = self.horizon_s * current_A / (3600.0 * seen.capacity_Ah)
        soc = module.ocv.nearest_soc(still_V)
        return (module.ocv.voltage_V(soc) - module.ocv.voltage_V(soc - moved)) / current_A
