"""Protection in three levels with debounce and hysteresis: pure decisions over rows.

Rules:
- A level counts once its limit has been violated without a break for the quantity's debounce time.
- Info and warning clear when the value is back inside the limit by the hysteresis.
- Fatal is latched. It is cleared by command, and only where the value is back inside as far as that.
- A quantity's level is its highest level that counts.
- Where there is nothing to say of a quantity (NaN), everything stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.bms.limit_levels import Levels, Limits

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NEVER = -1
SIGNS = np.array([1.0, -1.0, 1.0, -1.0, 1.0])
"""+1 where more is worse: over-voltage, under-voltage, over-temperature, under-temperature, over-current."""

_BITS = np.array([1, 2, 4], np.uint8)
"""Of info, warning, fatal in what is active."""
_FATAL, _CLEAR = np.uint8(4), np.uint8(8)
PENDING_NS = 60_000_000_000
"""A debounce time that is longer needs no short steps."""
_LEVEL = np.array([mask.bit_length() for mask in range(8)] * 2, np.int8)
"""The level of each combination of bits."""


@dataclass(frozen=True)
class Thresholds:
    """Limits as arrays: ``limit[quantity, level]`` and ``release[quantity, level]`` signed so that more is worse.

    A level that is not stated begins with the next more severe one; without such a one it is never reached.
    """

    limit: FloatArray
    release: FloatArray
    debounce_ns: IntArray
    sign: FloatArray

    @classmethod
    def of(cls, limits: Limits) -> Thresholds:
        """Return the thresholds of the five quantities that protect a module, in the order of ``SIGNS``."""
        levels = (
            limits.cell_overvoltage_V,
            limits.cell_undervoltage_V,
            limits.overtemperature_K,
            limits.undertemperature_K,
            limits.overcurrent_A,
        )
        return cls.of_levels(levels, SIGNS)

    @classmethod
    def of_levels(cls, levels: Sequence[Levels], sign: FloatArray) -> Thresholds:
        """Return the thresholds of any quantities."""
        limit = np.array([_signed(one, way) for one, way in zip(levels, sign, strict=True)])
        hysteresis = np.array([[one.hysteresis] for one in levels])
        debounce_ns = np.array([round(one.debounce_s * 1e9) for one in levels], dtype=np.int64)
        return cls(limit, limit - hysteresis, debounce_ns, sign)


def _signed(levels: Levels, sign: float) -> list[float]:
    signed: list[float] = []
    for limit in reversed(levels.limits().values()):
        signed.insert(0, limit * sign if limit is not None else signed[0] if signed else np.inf)
    return signed


@dataclass(frozen=True)
class Protection:
    """Since when each limit is violated, ``[row, quantity, level]``, and which levels count, ``[row, quantity]``."""

    since_ns: IntArray
    active: NDArray[np.uint8]
    """A bit a level, and one more where a service tool asks to clear."""

    @classmethod
    def initial(cls, rows: int, quantities: int = len(SIGNS)) -> Protection:
        """Return the state of ``rows`` monitors that have seen nothing."""
        return cls(np.full((rows, quantities, 3), NEVER, np.int64), np.zeros((rows, quantities), np.uint8))

    def step(self, values: FloatArray, time_ns: IntArray, thresholds: Thresholds) -> Protection:
        """Return the state after ``values[row, quantity]``, measured at ``time_ns[row]``."""
        signed = values * thresholds.sign
        # Levels rise, so who is beyond none of them has nothing to remember either.
        busy = (signed >= thresholds.limit[:, 0]) | (self.since_ns[..., 0] != NEVER) | (self.active != 0)
        row, quantity = np.divmod(np.flatnonzero(busy & (signed == signed)), busy.shape[1])
        if not len(row):
            return self
        signed_here = signed[row, quantity, None]
        beyond = signed_here >= thresholds.limit[quantity]
        since, active = self.since_ns[row, quantity], self.active[row, quantity, None]
        now = time_ns[row, None]
        held = ((active & _BITS) != 0) & (signed_here > thresholds.release[quantity])
        held[:, 2] |= (active[:, 0] & (_FATAL | _CLEAR)) == _FATAL
        since = np.where(beyond & (since == NEVER), now, np.where(beyond | held, since, NEVER))
        mature = beyond & (now - since >= thresholds.debounce_ns[quantity, None])
        after_ns, after = self.since_ns.copy(), self.active.copy()
        after_ns[row, quantity] = since
        after[row, quantity] = ((mature | held) * _BITS).sum(axis=1, dtype=np.uint8)
        return Protection(after_ns, after)

    def clear(self, rows: BoolArray) -> Protection:
        """Return the state after the command to clear what is latched, in ``rows[row]``.

        It takes effect at the next value; where that is still too bad, the finding stays and the command is forgotten.
        """
        asked = rows[:, None] & ((self.active & _FATAL) != 0)
        return Protection(self.since_ns, np.where(asked, self.active | _CLEAR, self.active))

    def pending(self, time_ns: IntArray, thresholds: Thresholds) -> BoolArray:
        """Return where a limit has been violated at ``time_ns[row]``, but not for long enough yet, ``[row]``.

        Not of what takes long anyway, nor of what was seen once and not judged since.
        """
        waits = (self.since_ns != NEVER) & ((self.active[..., None] & _BITS) == 0)
        if not waits.any():
            return np.zeros(len(self.active), np.bool_)
        debounce_ns = thresholds.debounce_ns[:, None]
        judged = (debounce_ns <= PENDING_NS) & (time_ns[:, None, None] - self.since_ns <= debounce_ns + PENDING_NS)
        pending: BoolArray = (waits & judged).any(axis=(1, 2))
        return pending

    @property
    def level(self) -> NDArray[np.int8]:
        """The level of each quantity, ``[row, quantity]``."""
        if not self.active.any():
            return np.zeros(self.active.shape, np.int8)
        level: NDArray[np.int8] = _LEVEL[self.active]
        return level

    @property
    def began_ns(self) -> IntArray:
        """The first sample beyond the limit of the level that counts, ``[row, quantity]``; -1 where none does."""
        began = np.full(self.active.shape, NEVER, np.int64)
        row, quantity = np.divmod(np.flatnonzero(self.active), self.active.shape[1])
        began[row, quantity] = self.since_ns[row, quantity, _LEVEL[self.active[row, quantity]] - 1]
        return began
