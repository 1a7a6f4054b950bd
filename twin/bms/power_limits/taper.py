"""Full current in the middle, linearly less over the last stretch before the limit whose crossing raises an alarm."""

from __future__ import annotations

from typing import Annotated, Literal

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
from twin.quantity import Volts


class Taper(PowerLimits):
    """Limits by the extreme cells' voltages and temperatures, whatever the module's resistance."""

    kind: Literal["taper"] = "taper"
    taper_V: Annotated[Volts, Field(gt=0)] = 0.10
    """Over which current goes from full to none."""

    def allowed_A(
        self,
        seen: Seen,
        limits: Limits,
        most_A: FloatArray,
        module: ModuleData,  # noqa: ARG002 - a taper needs no model
    ) -> FloatArray:
        """Return the recommended currents times a share that falls towards each limit."""
        full = (limits.cell_overvoltage_V.info - MARGIN_V - seen.highest_V) / self.taper_V
        empty = (seen.lowest_V - limits.cell_undervoltage_V.info - MARGIN_V) / self.taper_V
        charge = np.minimum(full, charging_share(seen.hottest_K, seen.coldest_K, limits))
        discharge = np.minimum(empty, discharging_share(seen.hottest_K, limits))
        return clipped(np.stack([charge, discharge], axis=-1)) * most_A
