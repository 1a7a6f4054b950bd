"""What a balancing strategy is: from what a BMS believes of cells to what it wants of their resistors and converters.

Rules that every strategy keeps:
- Rows do not touch each other, and cells of a module are equal: permuting them permutes what is wanted. Where two cells
  tie for a place, the one with the lower number has it.
- Where balancing is not allowed, nothing is wanted.
- What active balancing loses is in its currents: taken over all cells of a module, they discharge.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from twin.bms.module_data import ModuleData
from twin.options import Options
from twin.quantity import Kelvin, Volts

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

State: TypeAlias = Any
"""A frozen dataclass of arrays whose axis 0 is the row (``twin.bms.rows``); every strategy has its own."""


@dataclass(frozen=True)
class Seen:
    """What whoever balances knows of its modules, ``[row]`` or ``[row, cell]``."""

    time_ns: NDArray[np.int64]
    voltage_V: FloatArray
    """As measured."""
    cell_soc: FloatArray
    """As estimated; the same for all cells of a module where the estimator knows no better."""
    temperature_K: FloatArray
    current_A: FloatArray
    lowest_V: FloatArray
    """Lowest cell that a module's cells are to come down to: its own, or the pack's where modules are in series."""
    lowest_soc: FloatArray
    """Likewise, the lowest estimated SOC."""
    capacity_Ah: FloatArray
    """As estimated, of the module."""
    allowed: BoolArray
    """Whether anything may be balanced now."""
    bleed_ohm: float
    """A cell's bleed resistor, as the makers of the board know it."""
    module: ModuleData


@dataclass(frozen=True)
class Wanted:
    """What is wanted until the next look, ``[row, cell]``."""

    duty: FloatArray
    """Share 0..1 of the time for which a cell's bleed resistor is switched on."""
    current_A: FloatArray
    """Current of active balancing, positive discharges the cell."""

    @classmethod
    def nothing(cls, shape: tuple[int, ...]) -> Wanted:
        """Return that nothing is wanted of ``shape`` = (rows, cells)."""
        return cls(np.zeros(shape), np.zeros(shape))

    @classmethod
    def bleeding(cls, cells: BoolArray) -> Wanted:
        """Return that ``cells[row, cell]`` are bled all the time."""
        return cls(cells.astype(np.float64), np.zeros(cells.shape))


class Strategy(Options, ABC):
    """Base of the strategies; a strategy is one file in this folder, found because it is there."""

    kind: str
    """Name of the strategy; each class states its own."""
    bleeds: ClassVar[bool] = False
    """Whether it uses bleed resistors."""
    moves: ClassVar[bool] = False
    """Whether it uses converters that move charge."""
    needs_cell_soc: ClassVar[bool] = False
    """Whether it does nothing with an estimator that knows one SOC a module."""

    @abstractmethod
    def initial(self, rows: int, cells: int) -> State:
        """Return the state of ``rows`` modules that have just been switched on."""

    @abstractmethod
    def step(self, state: State, seen: Seen) -> tuple[State, Wanted]:
        """Return the state after a look at the modules, and what is wanted until the next."""


class ChargeStrategy(Strategy):
    """Base of the strategies that go by charge: what lets them start, and what makes them stop."""

    start_soc: Annotated[float, Field(gt=0, lt=1)] = 0.005
    """Begin where states of charge are further apart (chosen: what estimators can tell)."""
    stop_soc: Annotated[float, Field(gt=0, lt=1)] = 0.0001
    """End where they are no further apart."""
    minimum_V: Annotated[Volts, Field(gt=0)] = 2.5
    """Balance no module with a cell below this voltage: it is empty, or its reading is wrong (foxBMS 2: 2.0 V)."""
    maximum_temperature_K: Annotated[Kelvin, Field(gt=0)] = 343.15
    """Balance no module with a cell at or above this temperature (foxBMS 2: 70 degC)."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.stop_soc >= self.start_soc:
            raise ValueError(f"found stop_soc {self.stop_soc:g}; expected less than start_soc, {self.start_soc:g}")
        return self

    def permitted(self, seen: Seen) -> BoolArray:
        """Return whether a module may be balanced now, ``[row]``."""
        cool = seen.temperature_K.max(axis=1) < self.maximum_temperature_K
        alive = seen.voltage_V.min(axis=1) >= self.minimum_V
        allowed: BoolArray = seen.allowed & cool & alive
        return allowed

    def margin(self, running: BoolArray) -> FloatArray:
        """Return how far apart states of charge may be, elementwise: less where balancing goes on already."""
        return np.where(running, self.stop_soc, self.start_soc)


def largest(values: FloatArray, count: int) -> NDArray[np.int64]:
    """Return where the ``count`` largest ``values[row, cell]`` are, in falling order; of equal ones the first."""
    if count == 1:
        return values.argmax(axis=1)[:, None]
    return np.argsort(-values, axis=1, kind="stable")[:, :count]
