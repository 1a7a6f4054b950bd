"""Ageing of LiFePO4/graphite by Naumann et al., who aged 3 Ah cells (Sony US26650FTC1) for years.

Storage: M. Naumann, M. Schimpe, P. Keil, H. C. Hesse, A. Jossen, J. Energy Storage 17 (2018) 153-169,
doi:10.1016/j.est.2018.01.019. Use: M. Naumann, F. B. Spingler, A. Jossen, J. Power Sources 451 (2020) 227666,
doi:10.1016/j.jpowsour.2019.227666. Losses ``q`` of capacity and increases ``r`` of resistance are shares of the new
cell's, and those of storage and of use add up::

    storage   q = k_ref exp(-E/R (1/T - 1/298.15 K)) (2.8575 (soc - 0.5)^3 + 0.60225) sqrt(t)
              r = k_ref exp(-E/R (1/T - 1/298.15 K)) (1.5604 - 3.3903 (soc - 0.5)^2) t
    use       q = (0.0630 C + 0.0971) (4.0253 (depth - 0.6)^3 + 1.0923) sqrt(FEC) / 100
              r = (0.0021 - 0.0020 C) (6.8477 (depth - 0.5)^3 + 0.91882) FEC / 100

with t in seconds, C the rate, depth that of the cycle, and FEC full equivalent cycles: a half cycle of depth d is d/2.
Conditions change, so a loss is carried as its square, whose rate depends on the conditions alone.
The constants are compared with the authors' own code, SimSES (TU Munich), and with BLAST-Lite (NREL).
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from twin.plant.ageing.ageing import Ageing, FloatArray, Life
from twin.plant.ageing.half_cycles import HalfCycles
from twin.quantity import Seconds

GAS_J_molK: Final = 8.3144598
REFERENCE_K: Final = 298.15

STORED_LOSS: Final = 1.2571e-5  # 1/sqrt(s)
STORED_LOSS_J_mol: Final = 17126.0
STORED_GROWTH: Final = 3.4194e-10  # 1/s
STORED_GROWTH_J_mol: Final = 71827.0

LEAST_CAPACITY: Final = 0.1
"""What is left at least; the data end at some three quarters of the capacity."""


def storage_loss(soc: FloatArray, temperature_K: FloatArray) -> FloatArray:
    """Return the loss of capacity by one second of storage, which grows with the root of time."""
    stress = 2.8575 * _cube(np.clip(soc, 0.0, 1.0) - 0.5) + 0.60225
    return STORED_LOSS * _warmth(STORED_LOSS_J_mol, temperature_K) * stress


def storage_growth(soc: FloatArray, temperature_K: FloatArray) -> FloatArray:
    """Return the increase of resistance by one second of storage."""
    stress = 1.5604 - 3.3903 * (np.clip(soc, 0.0, 1.0) - 0.5) ** 2
    return STORED_GROWTH * _warmth(STORED_GROWTH_J_mol, temperature_K) * stress


def use_loss(depth: FloatArray, c_rate: FloatArray) -> FloatArray:
    """Return the loss of capacity by one full equivalent cycle, which grows with the root of their number."""
    return (0.0630 * c_rate + 0.0971) * (4.0253 * _cube(depth - 0.6) + 1.0923) / 100.0


def use_growth(depth: FloatArray, c_rate: FloatArray) -> FloatArray:
    """Return the increase of resistance by one full equivalent cycle; the fit falls to 0 at 1.05C, and stays there."""
    growth: FloatArray = np.maximum(0.0021 - 0.0020 * c_rate, 0.0) * (6.8477 * _cube(depth - 0.5) + 0.91882) / 100.0
    return growth


def resistance_growth(soh: FloatArray) -> FloatArray:
    """Return the resistance of cells of that state of health, over that of the new cell.

    As if they had been stored at 25 degC and half charge: without the time, ``r`` is 9.309 times the square of ``q``,
    9 % more at SOH 0.9.
    """
    half, reference_K = np.array(0.5), np.array(REFERENCE_K)
    growth: FloatArray = (
        1.0 + storage_growth(half, reference_K) / storage_loss(half, reference_K) ** 2 * (1.0 - soh) ** 2
    )
    return growth


class Naumann(Ageing):
    """Storage and use, LiFePO4/graphite, by Naumann et al. 2018 and 2020."""

    kind: Literal["naumann"] = "naumann"
    acceleration: Annotated[float, Field(gt=0)] = 1.0
    """Each hour, and each cycle, counts as so many: a week at 52 shows a year."""
    period_s: Annotated[Seconds, Field(gt=0)] = 3600.0
    """How often capacities and resistances are renewed."""
    sample_s: Annotated[Seconds, Field(gt=0)] = 60.0
    """How often temperature and state of charge are looked at; turning points in between are not seen."""
    least_depth: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Of a half cycle; what moves less counts as storage alone."""

    def life(self, soc: FloatArray, *, soh: ArrayLike = 1.0, start_ns: int = 0) -> Life:
        """Return the ageing of these cells; one that is not new has lost what it lost by storage."""
        return NaumannLife(self, soc, np.broadcast_to(np.asarray(soh, dtype=np.float64), soc.shape), start_ns)


class NaumannLife(Life):
    """What cells have lost so far."""

    def __init__(self, options: Naumann, soc: FloatArray, soh: FloatArray, start_ns: int) -> None:
        super().__init__(soc.shape, options.sample_s, options.period_s, start_ns)
        self._acceleration = options.acceleration
        self._cycles = HalfCycles(soc, options.least_depth)
        self._at_start = soh.copy()
        self.storage_squared, self.use_squared = (1.0 - soh) ** 2, np.zeros_like(soc)
        """Losses of capacity, squared."""
        self.growth = resistance_growth(soh)
        """Resistance over that of the new cell."""
        self.full_cycles = np.zeros_like(soc)
        """Equivalent full cycles so far, as they count."""

    def look(self, elapsed_s: float, soc: FloatArray, temperature_K: FloatArray) -> None:
        """Count ``elapsed_s`` of storage, and the half cycles that have ended."""
        counted_s = elapsed_s * self._acceleration
        self.storage_squared += storage_loss(soc, temperature_K) ** 2 * counted_s
        self.growth += storage_growth(soc, temperature_K) * counted_s
        closed = self._cycles.count(elapsed_s, soc)
        cycles = 0.5 * closed.depth * self._acceleration
        self.use_squared[closed.cells] += use_loss(closed.depth, closed.c_rate) ** 2 * cycles
        self.growth[closed.cells] += use_growth(closed.depth, closed.c_rate) * cycles
        self.full_cycles[closed.cells] += cycles

    def factors(self) -> tuple[FloatArray, FloatArray]:
        """Return capacities and resistances over those at the start."""
        left = 1.0 - np.sqrt(self.storage_squared) - np.sqrt(self.use_squared)
        return np.maximum(left, LEAST_CAPACITY) / self._at_start, self.growth / resistance_growth(self._at_start)

    def renew(self, where: Any, soc: FloatArray, soh: FloatArray) -> None:
        """Begin anew at the index ``where``."""
        self._cycles.renew(where, soc)
        self._at_start[where], self.storage_squared[where] = soh, (1.0 - soh) ** 2
        self.growth[where] = resistance_growth(soh)
        self.use_squared[where] = self.full_cycles[where] = 0.0

    def state(self) -> tuple[NDArray[np.generic], ...]:
        """Return all that changes."""
        own = (self._at_start, self.storage_squared, self.use_squared, self.growth, self.full_cycles)
        return (*own, *self._cycles.arrays())


def _cube(value: FloatArray) -> FloatArray:
    """Return the third power, for which NumPy would take a logarithm."""
    return value * value * value


def _warmth(activation_J_mol: float, temperature_K: FloatArray) -> FloatArray:
    warmth: FloatArray = np.exp(-activation_J_mol / GAS_J_molK * (1.0 / temperature_K - 1.0 / REFERENCE_K))
    return warmth
