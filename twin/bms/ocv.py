"""The open-circuit voltage of a cell over its state of charge, as the makers of a BMS know it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

STEEP_V = 0.5
"""Slope of the OCV curve, V per unit of SOC, from which on a resting voltage corrects the count."""

_FINE = 8192
"""Points a unit of SOC: half a step is 6e-5, a millivolt where the curve is steepest."""
_BEYOND = 0.125
"""The fine points go on so far below 0 and above 1, with the slopes at the ends."""
_FINE_V = 1e-4


@dataclass(frozen=True)
class OcvCurve:
    """Open-circuit voltage over SOC, both rising."""

    soc_knots: FloatArray
    ocv_V: FloatArray

    def soc(self, voltage_V: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return the SOC of resting cells, and whether the curve is steep enough there to trust it."""
        segment = np.clip(np.searchsorted(self.ocv_V, voltage_V) - 1, 0, len(self.ocv_V) - 2)
        return np.interp(voltage_V, self.ocv_V, self.soc_knots), self._steep[segment]

    def nearest(self, soc: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return voltage and slope at the nearest of 8192 points a unit of SOC: for many cells at once."""
        place = soc * _FINE
        place += _BEYOND * _FINE + 0.5
        index = place.astype(np.int64)
        return self._fine_V.take(index, mode="clip"), self._fine_slope_V.take(index, mode="clip")

    def nearest_soc(self, voltage_V: FloatArray) -> FloatArray:
        """Return the SOC of resting cells at the nearest of points 0.1 mV apart: for many cells at once."""
        place = (voltage_V - self.ocv_V[0]) * (1.0 / _FINE_V) + 0.5
        return self._fine_soc.take(place.astype(np.int64), mode="clip")

    def voltage_V(self, soc: FloatArray) -> FloatArray:
        """Return the voltage between knots by straight lines; beyond 0 and 1 the slopes at the ends go on."""
        place = np.minimum(np.maximum((soc + _BEYOND) * _FINE, 0.0), len(self._fine_V) - 2.0)
        below = place.astype(np.int64)
        low_V = self._fine_V.take(below)
        return low_V + (place - below) * (self._fine_V.take(below + 1) - low_V)

    @cached_property
    def _steep(self) -> NDArray[np.bool_]:
        return np.diff(self.ocv_V) > STEEP_V * np.diff(self.soc_knots)

    @cached_property
    def _fine_soc(self) -> FloatArray:
        points = int((self.ocv_V[-1] - self.ocv_V[0]) / _FINE_V) + 2
        return np.interp(self.ocv_V[0] + _FINE_V * np.arange(points), self.ocv_V, self.soc_knots)

    @cached_property
    def _fine_V(self) -> FloatArray:
        beyond = round(_BEYOND * _FINE)
        soc = np.arange(-beyond, _FINE + beyond + 1) / _FINE
        first, last = (np.diff(self.ocv_V) / np.diff(self.soc_knots))[[0, -1]]
        outside_V = np.minimum(soc, 0.0) * first + np.maximum(soc - 1.0, 0.0) * last
        return np.interp(soc, self.soc_knots, self.ocv_V) + outside_V

    @cached_property
    def _fine_slope_V(self) -> FloatArray:
        return np.gradient(self._fine_V, 1.0 / _FINE)
