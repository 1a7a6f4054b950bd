"""What a fault is: a timed change to the simulated world, stated as data."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.bms.effects import NEVER, Mishap
from twin.network.disturbances import Disturbance
from twin.network.network import Message
from twin.options import Options
from twin.ota.effects import Incident
from twin.plant.action import Action, Actuator, Change
from twin.quantity import Seconds


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


Effect = Change | Deviation | Disturbance | Mishap | Incident
"""What a fault may change: the plant, a cell's parameter, the network, the BMS and its wires, the update client."""


@dataclass(frozen=True)
class Range:
    """Where a drawn value lies: uniformly between two numbers, or their logarithms where ``log``."""

    low: float
    high: float
    log: bool = False

    def draw(self, draws: np.random.Generator) -> float:
        """Return a value of four digits: enough, and easy to state in a scenario."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        value = low + (high - low) * draws.random()
        return float(f"{math.exp(value) if self.log else value:.4g}")


class Fault(Options):
    """Base of the faults; a fault is one file in this folder, found because it is there."""

    expected: ClassVar[tuple[str, ...]] = ()
    """The fault codes that a good BMS would give, the most telling one first."""
    hazardous: ClassVar[bool] = False
    """Whether a good BMS would isolate what is concerned."""
    source: ClassVar[str] = ""
    """Who reported or described it."""
    ranges: ClassVar[Mapping[str, Range] | None] = None
    """Of its numbers where it is drawn by chance; None: it is only ever stated."""
    least_modules: ClassVar[int] = 1
    """Modules of a site below which it makes no sense."""

    kind: str
    """Name of the fault; each class states its own."""
    site: Annotated[int, Field(ge=0)]
    """Number of the site, from 0."""

    @property
    def start_ns(self) -> int:
        """When it begins."""
        return 0

    @property
    def end_ns(self) -> int:
        """When it ends; ``NEVER`` where it does not."""
        return NEVER

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


class TimedFault(Fault):
    """Base of the faults that begin at an instant, and may end."""

    start_s: Annotated[Seconds, Field(ge=0)]
    """When it begins."""
    duration_s: Annotated[Seconds, Field(gt=0)] | None = None
    """How long it lasts; to the end of the run unless given."""

    @property
    def start_ns(self) -> int:
        """When it begins."""
        return round(self.start_s * 1e9)

    @property
    def end_ns(self) -> int:
        """When it ends; ``NEVER`` where it does not."""
        return NEVER if self.duration_s is None else round((self.start_s + self.duration_s) * 1e9)

    def held(
        self, actuator: Actuator, value: float, *, slot: int = -1, cell: int = -1, healthy: float = 0.0
    ) -> tuple[Action, ...]:
        """Return the actions that set an actuator at the fault's begin, and back to ``healthy`` at its end."""
        begin = Action(self.start_ns, self.site, actuator, value, slot, cell)
        end = Action(self.end_ns, self.site, actuator, healthy, slot, cell)
        return (begin,) if self.end_ns == NEVER else (begin, end)


class ModuleFault(Fault):
    """Base of the faults of one module."""

    module: Annotated[int, Field(ge=0)] = 0
    """Number of the module within the site, from 0."""

    @property
    def place(self) -> str:
        """Where the fault is, in words."""
        return f"site {self.site}, module {self.module}"


class CellFault(ModuleFault):
    """Base of the faults of one cell."""

    cell: Annotated[int, Field(ge=0)] = 0
    """Number of the cell within the module, from 0."""

    @property
    def place(self) -> str:
        """Where the fault is, in words."""
        return f"site {self.site}, module {self.module}, cell {self.cell}"
