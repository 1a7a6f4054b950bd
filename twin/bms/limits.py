"""How much current a pack may take and give: full current in the middle, less near every limit.

Each module's share tapers linearly over the last stretch before the limit whose crossing would raise an alarm; modules
in parallel do not share evenly, so the smallest share counts for all of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.bms.limit_levels import Limits

FloatArray = NDArray[np.float64]

MARGIN_V = 0.02
"""Current ends so far before the first alarm: a pack that is full is no finding."""
TAPER_V = 0.10
TAPER_K = 5.0
RISE_S = 30.0
"""Time constant with which a limit comes back (chosen): some periods, so that limit and voltage do not hunt."""


def charge_share(highest_V: FloatArray, hottest_K: FloatArray, coldest_K: FloatArray, limits: Limits) -> FloatArray:
    """Return the share 0..1 of the recommended charging current, elementwise over modules."""
    full = (limits.cell_overvoltage_V.info - MARGIN_V - highest_V) / TAPER_V
    cold = (coldest_K - limits.undertemperature_K.warning) / TAPER_K
    return _clip(np.minimum(np.minimum(full, cold), _cool(hottest_K, limits)))


def discharge_share(lowest_V: FloatArray, hottest_K: FloatArray, limits: Limits) -> FloatArray:
    """Return the share 0..1 of the recommended discharging current, elementwise over modules."""
    empty = (lowest_V - limits.cell_undervoltage_V.info - MARGIN_V) / TAPER_V
    return _clip(np.minimum(empty, _cool(hottest_K, limits)))


def pack_limit_A(share: FloatArray, closed: NDArray[np.bool_], module_A: FloatArray) -> FloatArray:
    """Return each pack's limits ``[row, direction]`` from its modules' shares, ``[row, module, direction]``.

    ``closed[row, module]``: a pack with none closed has no current. ``module_A[direction]`` is what a module may carry.
    """
    smallest: FloatArray = np.where(closed[..., None], share, 1.0).min(axis=1)
    return smallest * module_A * closed.sum(axis=1)[:, None]


def rise(period_s: float) -> float:
    """Return by which share of what is missing a limit rises in one period."""
    return float(1.0 - np.exp(-period_s / RISE_S))


def smooth(previous: FloatArray, target: FloatArray, rise: float) -> FloatArray:
    """Return the limit after one period: it rises slowly and falls at once, so that a taper does not hunt."""
    return np.where(target < previous, target, previous + rise * (target - previous))


def _cool(hottest_K: FloatArray, limits: Limits) -> FloatArray:
    return (limits.overtemperature_K.warning - hottest_K) / TAPER_K


def _clip(share: FloatArray) -> FloatArray:
    return np.minimum(np.maximum(share, 0.0), 1.0)
