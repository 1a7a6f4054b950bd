"""What a method of limiting current is, and what all of them share: temperature, packs, and a limit that does not hunt.

A method is one file in this folder, found because it is there; its options are the method.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.bms.limit_levels import Limits
from twin.bms.module_data import ModuleData
from twin.options import Options

FloatArray = NDArray[np.float64]

MARGIN_V = 0.02
"""Current ends so far before the first alarm: a pack that is full is no finding."""
TAPER_K = 5.0
RISE_S = 30.0
"""Time constant with which a limit comes back (chosen): some periods, so that limit and voltage do not hunt."""


@dataclass(frozen=True)
class Seen:
    """What is known of modules, all of one shape: ``[row]``, or ``[row, module]`` where a controller looks at many."""

    highest_V: FloatArray
    """Of the module's cells."""
    lowest_V: FloatArray
    hottest_K: FloatArray
    coldest_K: FloatArray
    current_A: FloatArray
    resistance_factor: FloatArray
    """Over a new module; 1 where nobody estimates it."""
    capacity_Ah: FloatArray


class PowerLimits(Options, ABC):
    """Base of the methods."""

    kind: str
    """Name of the method; each class states its own."""

    @abstractmethod
    def allowed_A(self, seen: Seen, limits: Limits, most_A: FloatArray, module: ModuleData) -> FloatArray:
        """Return what each module may take and give, ``[..., direction]``: charging, discharging, both positive.

        ``most_A[direction]``: the recommended highest currents. Elementwise over whatever shape ``seen`` has.
        """


def charging_share(hottest_K: FloatArray, coldest_K: FloatArray, limits: Limits) -> FloatArray:
    """Return the share of the charging current that temperatures leave, 1 or more where they leave all."""
    cold = (coldest_K - limits.undertemperature_K.warning) / TAPER_K
    return np.minimum(cold, discharging_share(hottest_K, limits))


def discharging_share(hottest_K: FloatArray, limits: Limits) -> FloatArray:
    """Return the share of the discharging current that temperatures leave, 1 or more where they leave all."""
    return (limits.overtemperature_K.warning - hottest_K) / TAPER_K


def clipped(share: FloatArray) -> FloatArray:
    """Return shares between 0 and 1."""
    return np.minimum(np.maximum(share, 0.0), 1.0)


def pack_limit_A(allowed_A: FloatArray, closed: NDArray[np.bool_], paths: NDArray[np.int64]) -> FloatArray:
    """Return each pack's limits ``[row, direction]`` from what its modules may carry, ``[row, module, direction]``.

    Modules do not share evenly, so the smallest of those that are ``closed[row, module]`` counts, for each of the
    ``paths[row]`` between which the current divides; a pack with none closed has no current.
    """
    smallest_A: FloatArray = np.where(closed[..., None], allowed_A, np.inf).min(axis=1)
    return np.where(np.isfinite(smallest_A), smallest_A, 0.0) * paths[:, None]


class Rise:
    """By which share of what is missing a limit rises from one look to the next, which is usually a period later."""

    def __init__(self, period_s: float) -> None:
        self._period_ns = period_s * 1e9
        self._each = float(1.0 - np.exp(-period_s / RISE_S))

    def since(self, last_ns: NDArray[np.int64], time_ns: NDArray[np.int64]) -> FloatArray:
        """Return the share since the look at ``last_ns[row]`` (-1: there was none), in whole periods, ``[row]``."""
        periods = np.where(last_ns < 0, 1.0, np.rint((time_ns - last_ns) / self._period_ns))
        return np.where(periods > 1.0, 1.0 - (1.0 - self._each) ** periods, self._each)


def smooth(previous: FloatArray, target: FloatArray, rise: FloatArray) -> FloatArray:
    """Return limits ``[row, direction]`` after a look: they rise slowly and fall at once, so that they do not hunt.

    ``rise[row]``: the share of what is missing.
    """
    return np.where(target < previous, target, previous + rise[:, None] * (target - previous))
