"""What an estimator of the state of charge is: a pure function over rows = modules, whoever runs it.

An estimator is one file in this folder, found because it is there; its options are the estimator.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from twin.bms.measured import Measured
from twin.bms.module_data import ModuleData
from twin.options import Options

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

UNKNOWN_CAPACITY_SD = 0.05
"""Of a module of unknown age, relative: a quarter of what it may lose until 80 %, the usual end of its life."""
UNKNOWN_RESISTANCE_SD = 0.15
UNKNOWN_SOC_SD = 0.1
"""Of the SOC that is remembered from before."""


@dataclass(frozen=True)
class Condition:
    """What is believed of how modules have aged, ``[row]`` each."""

    capacity_Ah: FloatArray
    capacity_sd: FloatArray
    """Standard deviation of the capacity, relative."""
    resistance_factor: FloatArray
    """Resistance over that of a new module."""
    resistance_sd: FloatArray

    @classmethod
    def new(cls, rows: int, module: ModuleData) -> Condition:
        """Return what the data sheet says of modules that nobody has measured yet."""
        return cls(
            np.full(rows, module.capacity_Ah),
            np.full(rows, UNKNOWN_CAPACITY_SD),
            np.ones(rows),
            np.full(rows, UNKNOWN_RESISTANCE_SD),
        )


@dataclass(frozen=True)
class Estimate:
    """What an estimator believes and remembers; each has a subclass of its own, arrays only, axis 0 the row."""

    soc: FloatArray
    """State of charge of the mean cell, ``[row]``, 0..1."""
    soc_sd: FloatArray
    """Standard deviation that the estimator gives its ``soc``, ``[row]``."""
    apart: FloatArray
    """By how much each cell's state of charge lies above the mean, ``[row, cell]``."""

    @property
    def cell_soc(self) -> FloatArray:
        """State of charge of each cell, ``[row, cell]``."""
        return self.soc[:, None] + self.apart


Kept = TypeVar("Kept", bound=Estimate)


class Estimator(Options, ABC, Generic[Kept]):
    """Base of the estimators of the state of charge."""

    kind: str
    """Name of the estimator; each class states its own."""

    @abstractmethod
    def initial(self, soc: FloatArray, module: ModuleData) -> Kept:
        """Return the estimate at power-on, given the ``soc[row]`` remembered from before; nothing is measured yet."""

    @abstractmethod
    def step(
        self, estimate: Kept, measured: Measured, balancing_A: FloatArray, condition: Condition, module: ModuleData
    ) -> Kept:
        """Return the estimate after a look at the sensors.

        ``measured.current_A`` and ``balancing_A[row, cell]`` (what balancing drew from each cell, positive discharges,
        0 where nobody balances) flowed since the step before. The first step after ``initial`` counts no charge. Where
        the reading is not fresh, its current goes on being counted and its voltages say nothing.
        """
