"""A temperature no longer follows, or reads the end of its scale: a broken or shorted thermistor."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from twin.bms.effects import SensorFault
from twin.faults.fault import CellFault, Effect, TimedFault
from twin.quantity import Kelvin


class TemperatureSensorStuck(TimedFault, CellFault):
    """The reading of the cell's temperature stays what it was, or ``at_K`` where that is given.

    An NTC thermistor whose wire is open reads -40 degC, a shorted one 125 degC.
    """

    expected: ClassVar = ("temperature_stuck", "temperature_implausible", "undertemperature", "overtemperature")
    source: ClassVar = "foxBMS 2 v1.11, DIAG_ID_AFE_CELL_TEMPERATURE_MEAS_ERROR: a warning"
    ranges: ClassVar = {}

    kind: Literal["temperature_sensor_stuck"] = "temperature_sensor_stuck"
    at_K: Kelvin | None = None

    def effects(self) -> tuple[Effect, ...]:
        """Return the change of the reading."""
        times, value_K = (self.start_ns, self.end_ns), math.nan if self.at_K is None else self.at_K
        return (SensorFault(*times, self.site, self.module, self.cell, "temperature_K", "stuck", value_K),)
