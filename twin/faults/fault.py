"""What a fault is: a timed change to the simulated world, stated as data."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from twin.network.disturbances import Disturbance
from twin.network.network import Message
from twin.options import Options
from twin.plant.action import Action


@dataclass(frozen=True)
class Deviation:
    """A factor on a parameter of one cell, there from the start."""

    site: int
    slot: int
    cell: int
    parameter: Literal["capacity_Ah", "resistance_factor"]
    factor: float

    @property
    def change(self) -> str:
        """The change in words."""
        return f"{self.parameter} x {self.factor:g}"


Effect = Action | Deviation | Disturbance
"""What a fault may change: an actuator of the plant, a cell's parameter, the network."""


class Fault(Options):
    """Base of the faults; a fault is one file in this folder, found because it is there."""

    kind: str
    """Name of the fault; each class states its own."""
    site: Annotated[int, Field(ge=0)]
    """Number of the site, from 0."""

    @property
    def place(self) -> str:
        """Where the fault is, in words."""
        return f"site {self.site}"

    @abstractmethod
    def effects(self) -> tuple[Effect, ...]:
        """Return everything that the fault changes, in the order of time."""

    def messages(self) -> tuple[tuple[str, Message], ...]:
        """Return the messages that the network needs for it beside the database's, each with its sender's name."""
        return ()


class CellFault(Fault):
    """Base of the faults of one cell."""

    module: Annotated[int, Field(ge=0)] = 0
    """Number of the module within the site, from 0."""
    cell: Annotated[int, Field(ge=0)] = 0
    """Number of the cell within the module, from 0."""

    @property
    def place(self) -> str:
        """Where the fault is, in words."""
        return f"site {self.site}, module {self.module}, cell {self.cell}"
