"""What a diagnosis is: readings of modules, one a row, become one value that says how bad something is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import FaultCode
from twin.bms.limit_levels import Levels, Limits
from twin.bms.measured import Measured
from twin.bms.module_data import ModuleData

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
State = TypeVar("State")

MODULE = -1
"""Instead of a cell: the module as a whole."""


@dataclass(frozen=True)
class Look:
    """What whoever looks after modules knows of them, one a row: readings, and what it has told them to do."""

    measured: Measured
    module_V: FloatArray
    """Terminal voltage by a sensor of its own, ``[row]``; NaN where there is none."""
    link_V: FloatArray
    """Voltage behind the contactor, ``[row]``; NaN where nobody measures it."""
    expected_A: FloatArray
    """The current that others say flows through the module, ``[row]``; NaN where nobody does."""
    duty: FloatArray
    """Of the bleed resistors since the look before, ``[row, cell]``."""
    balancing_A: FloatArray
    """What balancing drew from each cell since the look before, bled or moved; positive discharges, ``[row, cell]``."""
    commanded: NDArray[np.int8]
    """The contactor as last commanded, ``twin.plant.dc_bus``'s OPEN, PRECHARGE, CLOSED, ``[row]``."""
    switched_ns: IntArray
    """When that command changed last, ``[row]``."""
    flow: FloatArray
    """Commanded coolant flow, 0..1, ``[row]``."""
    cell_soc: FloatArray
    """Estimated, ``[row, cell]``."""
    scope: Literal["module", "pack"]
    """Whose contactor and current sensor these are: each module's own, or the pack's for all of its modules."""


class Diagnosis(ABC, Generic[State]):
    """One thing that is watched for, one file; the limits of its value are levels of ``Limits``."""

    code: ClassVar[FaultCode]
    sign: ClassVar[float] = 1.0
    """+1 where more is worse, -1 where less is."""

    @abstractmethod
    def levels(self, limits: Limits) -> Levels:
        """Return the limits of its value."""

    @abstractmethod
    def initial(self, rows: int, module: ModuleData) -> State:
        """Return what it remembers of ``rows`` modules that it has not seen yet."""

    @abstractmethod
    def step(self, state: State, look: Look) -> tuple[State, FloatArray, IntArray]:
        """Return its memory after a look, and of each row the value (NaN: nothing to say) and its cell (or MODULE)."""
