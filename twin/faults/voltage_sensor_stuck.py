"""A cell voltage no longer follows: the converter repeats its last value, or says one and the same."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from twin.bms.effects import SensorFault
from twin.faults.fault import CellFault, Effect, TimedFault
from twin.quantity import Volts


class VoltageSensorStuck(TimedFault, CellFault):
    """The reading of the cell's voltage stays what it was, or ``at_V`` where that is given."""

    expected: ClassVar = ("voltage_stuck", "voltage_implausible")
    source: ClassVar = "foxBMS 2 v1.11, DIAG_ID_BASE_CELL_VOLTAGE_MEASUREMENT_TIMEOUT: a warning"
    ranges: ClassVar = {}

    kind: Literal["voltage_sensor_stuck"] = "voltage_sensor_stuck"
    at_V: Volts | None = None

    def effects(self) -> tuple[Effect, ...]:
        """Return the change of the reading."""
        times, value_V = (self.start_ns, self.end_ns), math.nan if self.at_V is None else self.at_V
        return (SensorFault(*times, self.site, self.module, self.cell, "cell_voltage_V", "stuck", value_V),)
