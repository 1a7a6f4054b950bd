"""What the module monitors' sensors say: sampled at the start of a tick and held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.bms.options import Sensor, Sensors
from twin.streams import stream

FloatArray = NDArray[np.float64]

_BLOCK = 64
_BLOCK_VALUES = 1 << 22
"""Ticks of noise drawn at once, and values; a site's draws do not depend on it."""


@dataclass(frozen=True)
class Measurement:
    """Sensor values of one tick: ``[site, slot, cell]`` and, for the current, ``[site, slot]``."""

    cell_voltage_V: FloatArray
    temperature_K: FloatArray
    current_A: FloatArray


class Sensing:
    """Adds each sensor's noise and resolution; every site draws from a stream of its own."""

    def __init__(self, options: Sensors, seed: int, site_ids: NDArray[np.int64], slots: int, cells: int) -> None:
        self._options = options
        self._streams = [stream(seed, "site", int(site), "sensors") for site in site_ids]
        self._slots, self._cells = slots, cells
        values = len(site_ids) * slots * (2 * cells + 1)
        self._block = max(1, min(_BLOCK, _BLOCK_VALUES // values))
        self._noise = np.empty((self._block, len(site_ids), slots, 2 * cells + 1))
        self._next = self._block

    def sample(self, cell_voltage_V: FloatArray, temperature_K: FloatArray, current_A: FloatArray) -> Measurement:
        """Measure the true values; call it once a tick."""
        if self._next == self._block:
            for site, generator in enumerate(self._streams):
                self._noise[:, site] = generator.standard_normal(self._noise.shape[:1] + self._noise.shape[2:])
            self._next = 0
        noise = self._noise[self._next]
        self._next += 1
        cells = self._cells
        return Measurement(
            _measure(cell_voltage_V, noise[:, :, :cells], self._options.cell_voltage_V),
            _measure(temperature_K, noise[:, :, cells : 2 * cells], self._options.temperature_K),
            _measure(current_A, noise[:, :, 2 * cells], self._options.current_A),
        )


def _measure(true: FloatArray, noise: FloatArray, sensor: Sensor) -> FloatArray:
    value = true + sensor.noise * noise
    return np.round(value / sensor.resolution) * sensor.resolution if sensor.resolution else value
