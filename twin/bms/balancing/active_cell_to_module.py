"""Active balancing between a cell and its module: converters take from a cell and give to the whole string, or back.

Power is balanced: a cell at V that gives I adds ``efficiency * I * V / V_module`` to the current that charges every
cell of the string, itself included; a cell that is given I costs ``I * V / (efficiency * V_module)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.bms.balancing.strategy import BoolArray, ChargeStrategy, FloatArray, Seen, Wanted, largest
from twin.quantity import Amperes


@dataclass(frozen=True)
class Served:
    """Which cells are too far from the mean of their module, ``[row, cell]``."""

    cells: BoolArray


class ActiveCellToModule(ChargeStrategy):
    """Moves charge between cells and the string that they are in, by their distance from the module's mean SOC."""

    kind: Literal["active_cell_to_module"] = "active_cell_to_module"
    moves: ClassVar[bool] = True
    needs_cell_soc: ClassVar[bool] = True
    current_A: Annotated[Amperes, Field(gt=0)] = 5.0
    """Current of a converter on the cell's side (LTC3300: up to 10 A; TI TIDA-00817: 2 to 5 A)."""
    efficiency: Annotated[float, Field(gt=0, le=1)] = 0.92
    """Power given over power taken (LTC3300: charge transfer efficiency up to 92 %)."""
    converters: Annotated[int, Field(ge=1)] = 1
    """How many cells of a module are served at a time, those furthest from the mean first."""

    def initial(self, rows: int, cells: int) -> Served:
        """Return that nothing is moved."""
        return Served(np.zeros((rows, cells), np.bool_))

    def step(self, state: Served, seen: Seen) -> tuple[Served, Wanted]:
        """Serve the cells furthest from the mean."""
        off = seen.cell_soc - seen.cell_soc.mean(axis=1, keepdims=True)
        apart = np.abs(off) > self.margin(state.cells)
        cells = apart & self.permitted(seen)[:, None]
        wanted = Wanted.nothing(off.shape)
        modules = cells.any(axis=1)
        if modules.any():
            sign = np.sign(off[modules]) * self._first(np.where(cells, np.abs(off), 0.0)[modules])
            wanted.current_A[modules] = self._moved_A(sign, seen.voltage_V[modules])
        return Served(apart), wanted

    def _first(self, distance: FloatArray) -> BoolArray:
        """Return which cells the converters serve: the largest distances above 0."""
        first = np.zeros(distance.shape, np.bool_)
        np.put_along_axis(first, largest(distance, self.converters), np.True_, axis=1)
        return first & (distance > 0.0)

    def _moved_A(self, sign: FloatArray, voltage_V: FloatArray) -> FloatArray:
        """Return the current of every cell: its converter's, and its part of the string's."""
        cell_A = self.current_A * sign
        power_W = cell_A * voltage_V
        string_W = np.where(sign > 0.0, power_W * self.efficiency, power_W / self.efficiency).sum(axis=1)
        return cell_A - (string_W / voltage_V.sum(axis=1))[:, None]
