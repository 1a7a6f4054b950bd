"""Active balancing from cell to cell: converters take from the fullest cells and give to the emptiest.

Power is balanced: what one cell gives at its voltage, times the efficiency, is what the other gets at its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from twin.bms.balancing.strategy import BoolArray, ChargeStrategy, FloatArray, Seen, Wanted, largest
from twin.quantity import Amperes


@dataclass(frozen=True)
class Running:
    """Which modules are being balanced, ``[row]``."""

    modules: BoolArray


class ActiveCellToCell(ChargeStrategy):
    """Moves charge from the fullest cells to the emptiest, through converters that any two cells can be switched to.

    Converter k joins the k-th fullest cell and the k-th emptiest, and changes over at once when the order changes.
    """

    kind: Literal["active_cell_to_cell"] = "active_cell_to_cell"
    moves: ClassVar[bool] = True
    needs_cell_soc: ClassVar[bool] = True
    current_A: Annotated[Amperes, Field(gt=0)] = 5.0
    """Highest current of a converter, on either side (TI TIDA-00817, 16 cells behind a switch matrix: 2 to 5 A)."""
    efficiency: Annotated[float, Field(gt=0, le=1)] = 0.85
    """Power given over power taken: two stages, each at best 92 % (LTC3300, between a cell and its neighbours)."""
    converters: Annotated[int, Field(ge=1)] = 1
    """How many pairs of a module are served at a time; at most half of its cells can be."""

    def initial(self, rows: int, cells: int) -> Running:  # noqa: ARG002
        """Return that nothing is moved."""
        return Running(np.zeros(rows, np.bool_))

    def step(self, state: Running, seen: Seen) -> tuple[Running, Wanted]:
        """Join the fullest and the emptiest."""
        soc = seen.cell_soc
        apart = soc.max(axis=1) - soc.min(axis=1) > self.margin(state.modules)
        modules = apart & self.permitted(seen)
        wanted = Wanted.nothing(soc.shape)
        if modules.any():
            wanted.current_A[modules] = self._moved_A(soc[modules], seen.voltage_V[modules])
        return Running(apart), wanted

    def _moved_A(self, soc: FloatArray, voltage_V: FloatArray) -> FloatArray:
        """Return the current of every cell; a pair that is level has none."""
        fullest, emptiest = largest(soc, self.converters), largest(-soc, self.converters)
        gap = np.take_along_axis(soc, fullest, axis=1) - np.take_along_axis(soc, emptiest, axis=1)
        ratio = np.take_along_axis(voltage_V, fullest, axis=1) / np.take_along_axis(voltage_V, emptiest, axis=1)
        gain = self.efficiency * ratio
        taken_A = np.where(gap > self.stop_soc, np.minimum(self.current_A, self.current_A / gain), 0.0)
        taken, given = np.zeros(soc.shape), np.zeros(soc.shape)
        np.put_along_axis(taken, fullest, taken_A, axis=1)
        np.put_along_axis(given, emptiest, taken_A * gain, axis=1)
        return taken - given
