"""The open-circuit voltage of a cell over its state of charge, as the makers of a BMS know it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

STEEP_V = 0.5
"""Slope of the OCV curve, V per unit of SOC, from which on a resting voltage corrects the count."""


@dataclass(frozen=True)
class OcvCurve:
    """Open-circuit voltage over SOC, both rising."""

    soc_knots: FloatArray
    ocv_V: FloatArray

    def soc(self, voltage_V: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return the SOC of resting cells, and whether the curve is steep enough there to trust it."""
        segment = np.clip(np.searchsorted(self.ocv_V, voltage_V) - 1, 0, len(self.ocv_V) - 2)
        return np.interp(voltage_V, self.ocv_V, self.soc_knots), self._steep[segment]

    @cached_property
    def _steep(self) -> NDArray[np.bool_]:
        return np.diff(self.ocv_V) > STEEP_V * np.diff(self.soc_knots)
