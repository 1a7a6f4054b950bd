"""Protection in three levels with debounce and hysteresis: pure decisions over rows.

Rules:
- A level counts once its limit has been violated without a break for the quantity's debounce time.
- Info and warning clear when the value is back inside the limit by the hysteresis.
- Fatal is latched.
- A quantity's level is its highest level that counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import Level
from twin.bms.limit_levels import Limits

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NEVER = -1
SIGNS = np.array([1.0, -1.0, 1.0, -1.0, 1.0])
"""+1 where more is worse: over-voltage, under-voltage, over-temperature, under-temperature, over-current."""


@dataclass(frozen=True)
class Thresholds:
    """Limits as arrays: ``limit[quantity, level]`` and ``release[quantity, level]`` signed so that more is worse."""

    limit: FloatArray
    release: FloatArray
    debounce_ns: IntArray

    @classmethod
    def of(cls, limits: Limits) -> Thresholds:
        """Return the thresholds of a scenario's limits."""
        levels = (
            limits.cell_overvoltage_V,
            limits.cell_undervoltage_V,
            limits.overtemperature_K,
            limits.undertemperature_K,
            limits.overcurrent_A,
        )
        limit = np.array([[one.info, one.warning, one.fatal] for one in levels]) * SIGNS[:, None]
        hysteresis = np.array([[one.hysteresis] for one in levels])
        debounce_ns = np.array([round(one.debounce_s * 1e9) for one in levels], dtype=np.int64)
        return cls(limit, limit - hysteresis, debounce_ns)


@dataclass(frozen=True)
class Protection:
    """Since when each limit is violated, and which levels count, ``[row, quantity, level]``."""

    since_ns: IntArray
    active: BoolArray

    @classmethod
    def initial(cls, rows: int) -> Protection:
        """Return the state of ``rows`` monitors that have seen nothing."""
        shape = (rows, len(SIGNS), 3)
        return cls(np.full(shape, NEVER, np.int64), np.zeros(shape, np.bool_))

    def step(self, values: FloatArray, time_ns: IntArray, thresholds: Thresholds) -> Protection:
        """Return the state after ``values[row, quantity]``, measured at ``time_ns[row]``."""
        signed = (values * SIGNS)[:, :, None]
        beyond = signed >= thresholds.limit
        now = time_ns[:, None, None]
        since_ns = np.where(beyond, np.where(self.since_ns == NEVER, now, self.since_ns), NEVER)
        mature = beyond & (now - since_ns >= thresholds.debounce_ns[:, None])
        held = self.active & (signed > thresholds.release)
        held[:, :, -1] = self.active[:, :, -1]
        return Protection(since_ns, mature | held)

    @property
    def level(self) -> NDArray[np.int8]:
        """The level of each quantity, ``[row, quantity]``."""
        level: NDArray[np.int8] = (self.active * _SEVERITY).max(axis=2)
        return level


_SEVERITY = np.array([Level.INFO, Level.WARNING, Level.FATAL], dtype=np.int8)
