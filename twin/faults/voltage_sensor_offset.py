"""A cell voltage reads too high or too low: a drifted reference, a leaking filter."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.bms.effects import SensorFault
from twin.faults.fault import CellFault, Effect, Range, TimedFault
from twin.quantity import Volts


class VoltageSensorOffset(TimedFault, CellFault):
    """The reading of the cell's voltage is ``offset_V`` off."""

    expected: ClassVar = ("voltage_implausible", "cell_overvoltage", "cell_undervoltage")
    source: ClassVar = "foxBMS 2 v1.11, DIAG_ID_PLAUSIBILITY_CELL_VOLTAGE: a warning"
    ranges: ClassVar = {"offset_V": Range(0.02, 0.3, log=True)}

    kind: Literal["voltage_sensor_offset"] = "voltage_sensor_offset"
    offset_V: Volts = 0.05

    def effects(self) -> tuple[Effect, ...]:
        """Return the change of the reading."""
        times = self.start_ns, self.end_ns
        return (SensorFault(*times, self.site, self.module, self.cell, "cell_voltage_V", "offset", self.offset_V),)
