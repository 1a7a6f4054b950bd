"""Readings that no cell can have, and what to take in their place."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]
IntArray = NDArray[np.int64]

POSSIBLE_V: Final = (1.0, 4.5)
"""Outside, a reading is one of a wire that is off: long before, protection has opened."""
POSSIBLE_K: Final = (233.15, 423.15)
"""Likewise of a temperature sensor, open or shorted: -40 to 150 degC is what common ones can tell."""
JUMPED_K: Final = 3.0
"""More at once than noise and resolution explain."""
JOINT_V: Final = 0.2
"""From here on, two neighbours that are off by the same in opposite directions share an open sense wire."""
_LIKENESS: Final = 0.2
_MISSING_V: Final = 0.5


class Extreme(NamedTuple):
    """The worst of each row, and the cell that it comes from, ``[row]``."""

    value: Floats
    cell: IntArray


def highest(values: Floats) -> Extreme:
    """Return the highest of each row."""
    cell: IntArray = values.argmax(axis=1)
    return Extreme(values[np.arange(len(cell)), cell], cell)


def lowest(values: Floats) -> Extreme:
    """Return the lowest of each row."""
    cell: IntArray = values.argmin(axis=1)
    return Extreme(values[np.arange(len(cell)), cell], cell)


def others_apart(values: FloatArray, mean: FloatArray) -> FloatArray:
    """Return by how much each cell lies above the mean of the others, given the mean of all."""
    cells = values.shape[1]
    apart: FloatArray = values - mean[:, None]
    apart *= cells / max(cells - 1, 1)
    return apart


def open_joint(voltage_V: FloatArray) -> Extreme:
    """Return by how much the joint above a cell is off: that cell reads less and the next one more."""
    below_V, above_V = voltage_V[:, :-1], voltage_V[:, 1:]
    others = max(voltage_V.shape[1] - 2, 1)
    rest_V = (voltage_V.sum(axis=1, keepdims=True) - below_V - above_V) / others
    return highest(np.minimum(rest_V - below_V, above_V - rest_V))


def credible_V(voltage_V: FloatArray, module_V: FloatArray) -> FloatArray:
    """Return readings with those that cannot be true replaced by what the cells then must have.

    Two cells whose common wire is off have the mean of both. A reading too high is replaced by the mean of the others;
    one too low only where the module's own voltage tells that the cell has more: a cell may really be that low.
    """
    credible = voltage_V.copy()
    off_V, cell = open_joint(voltage_V)
    pair = cell[:, None] + np.arange(2)
    both_V = np.take_along_axis(voltage_V, pair, axis=1)
    middle_V = both_V.mean(axis=1, keepdims=True)
    rest_V = (voltage_V.sum(axis=1, keepdims=True) - 2.0 * middle_V) / max(voltage_V.shape[1] - 2, 1)
    apart_V = off_V[:, None]
    joint = (apart_V >= JOINT_V) & (np.abs(middle_V - rest_V) <= _LIKENESS * apart_V)
    np.put_along_axis(credible, pair, np.where(joint, middle_V, both_V), axis=1)
    low, high = credible < POSSIBLE_V[0], credible > POSSIBLE_V[1]
    sound = ~low & ~high
    mean_V = np.where(sound, credible, 0.0).sum(axis=1) / np.maximum(sound.sum(axis=1), 1)
    whole_V = np.where(sound, credible, mean_V[:, None]).sum(axis=1)
    missing = np.abs(module_V - whole_V)[:, None] <= _MISSING_V
    return np.where((high | (low & missing)) & sound.any(axis=1, keepdims=True), mean_V[:, None], credible)


def credible_K(temperature_K: FloatArray, jumped_K: Floats) -> FloatArray:
    """Return readings with those that no working sensor can give replaced by the mean of the others.

    One that came there by and by stays: a cell that burns does, too.
    """
    possible = (temperature_K > POSSIBLE_K[0]) & (temperature_K < POSSIBLE_K[1])
    sound = possible | (np.abs(jumped_K) < JUMPED_K)
    mean_K = np.where(sound, temperature_K, 0.0).sum(axis=1) / np.maximum(sound.sum(axis=1), 1)
    return np.where(sound | ~sound.any(axis=1, keepdims=True), temperature_K, mean_K[:, None])
