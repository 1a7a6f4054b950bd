"""Passive balancing by voltage: bleed the cells that lie above the lowest one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.bms.options import Balancing

FloatArray = NDArray[np.float64]


def bleed_duty(
    cell_voltage_V: FloatArray,
    hottest_K: FloatArray,
    bleeding: NDArray[np.bool_],
    lowest_V: FloatArray,
    allowed: NDArray[np.bool_],
    options: Balancing,
) -> FloatArray:
    """Return the duty 0 or 1 of each cell's resistor, ``[row, cell]``.

    A cell starts above ``lowest_V[row]`` plus the threshold and stops at half of it, so that noise does not toggle it.
    ``hottest_K[row]``: beyond the maximum, no cell of the module is bled.
    """
    margin_V = np.where(bleeding, 0.5 * options.threshold_V, options.threshold_V)
    wanted = (cell_voltage_V - lowest_V[:, None] > margin_V) & (cell_voltage_V >= options.minimum_V)
    cool = hottest_K < options.maximum_temperature_K
    return (wanted & (allowed & cool)[:, None]).astype(np.float64)
