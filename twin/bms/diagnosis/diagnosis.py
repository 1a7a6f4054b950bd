"""What a diagnosis is: readings of modules, one a row, become one value that says how bad something is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import FaultCode
from twin.bms.diagnosis.evidence import MODULE, Evidence
from twin.bms.diagnosis.look import Look
from twin.bms.limit_levels import Levels, Limits
from twin.bms.module_data import ModuleData

__all__ = ["MODULE", "Diagnosis", "Evidence", "Look", "Memoryless"]

State = TypeVar("State")
Said = tuple[NDArray[np.floating[Any]], NDArray[np.int64]]
"""Of each row the value (NaN: nothing to say) and the cell that it comes from (or MODULE)."""


class Diagnosis(ABC, Generic[State]):
    """One thing that is watched for, one file; the limits of its value are levels of ``Limits``.

    Values of one module never depend on those of another row. Rows whose readings are not fresh are not shown to it.
    """

    code: ClassVar[FaultCode]
    sign: ClassVar[float] = 1.0
    """+1 where more is worse, -1 where less is."""
    sees_stale: ClassVar[bool] = False
    """Whether it is shown all rows, also those whose readings are not fresh."""

    @abstractmethod
    def levels(self, limits: Limits) -> Levels:
        """Return the limits of its value."""

    @abstractmethod
    def initial(self, rows: int, module: ModuleData) -> State:
        """Return what it remembers of ``rows`` modules that it has not seen yet."""

    @abstractmethod
    def step(self, state: State, evidence: Evidence) -> tuple[State, Said]:
        """Return its memory after a look, and what it says."""


class Memoryless(Diagnosis[tuple[()]]):
    """A diagnosis that judges by the evidence alone."""

    def initial(self, rows: int, module: ModuleData) -> tuple[()]:  # noqa: ARG002 - it remembers nothing
        """Return nothing."""
        return ()

    def step(self, state: tuple[()], evidence: Evidence) -> tuple[tuple[()], Said]:
        """Return what it says."""
        return state, self.say(evidence)

    @abstractmethod
    def say(self, evidence: Evidence) -> Said:
        """Return of each row the value and the cell."""
