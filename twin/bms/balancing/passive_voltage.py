"""Passive balancing by voltage: bleed the cells that lie above the lowest one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.bms.balancing.strategy import BoolArray, Seen, Strategy, Wanted
from twin.quantity import Kelvin, Volts


@dataclass(frozen=True)
class Bleeding:
    """Which cells are to be bled whenever it is allowed, ``[row, cell]``: a pause does not make them wait anew."""

    cells: BoolArray


class PassiveVoltage(Strategy):
    """Bleeds cells whose voltage lies above that of the lowest one, while voltage says something of charge.

    A cell starts above ``threshold_V`` and stops at half of it, so that noise does not toggle it.
    """

    kind: Literal["passive_voltage"] = "passive_voltage"
    bleeds: ClassVar[bool] = True
    threshold_V: Annotated[Volts, Field(gt=0)] = 0.010
    """Balance cells that lie further above the lowest cell."""
    minimum_V: Annotated[Volts, Field(gt=0)] = 3.40
    """Balance no cell below this voltage: on the flat part of the LFP curve, voltage says little of charge."""
    maximum_temperature_K: Annotated[Kelvin, Field(gt=0)] = 343.15
    """Stop above this cell temperature (foxBMS: 70 degC)."""

    def initial(self, rows: int, cells: int) -> Bleeding:
        """Return that no cell is bled."""
        return Bleeding(np.zeros((rows, cells), np.bool_))

    def step(self, state: Bleeding, seen: Seen) -> tuple[Bleeding, Wanted]:
        """Start and stop cells by their voltage."""
        margin_V = np.where(state.cells, 0.5 * self.threshold_V, self.threshold_V)
        above = (seen.voltage_V - seen.lowest_V[:, None] > margin_V) & (seen.voltage_V >= self.minimum_V)
        cool = seen.temperature_K.max(axis=1) < self.maximum_temperature_K
        return Bleeding(above), Wanted.bleeding(above & (seen.allowed & cool)[:, None])
