"""The sense wire between two cells is open: its potential floats, and both cells read wrong, in opposite directions."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.bms.effects import SensorFault
from twin.faults.fault import CellFault, Effect, Range, TimedFault
from twin.quantity import Volts


class OpenSenseWire(TimedFault, CellFault):
    """The wire above the cell is open: the cell reads ``shift_V`` less, the next one as much more.

    Their sum stays, as the wires around them are whole. Above the last cell there is no next one.
    """

    expected: ClassVar = ("open_sense_wire", "voltage_implausible", "cell_undervoltage", "cell_overvoltage")
    source: ClassVar = "foxBMS 2 v1.11, DIAG_ID_AFE_OPEN_WIRE: a warning"
    ranges: ClassVar = {"shift_V": Range(0.1, 2.0, log=True)}

    kind: Literal["open_sense_wire"] = "open_sense_wire"
    shift_V: Volts = 0.5
    """How far leakage and the converter's input currents pull the loose end."""

    def effects(self) -> tuple[Effect, ...]:
        """Return the change of the readings."""
        times = self.start_ns, self.end_ns
        return (SensorFault(*times, self.site, self.module, self.cell, "cell_voltage_V", "open_wire", self.shift_V),)
