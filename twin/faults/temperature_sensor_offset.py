"""A temperature sensor reads too warm or too cold: it has come off its cell, or its wire has corroded."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.bms.effects import SensorFault
from twin.faults.fault import CellFault, Effect, Range, TimedFault
from twin.quantity import KelvinDifference


class TemperatureSensorOffset(TimedFault, CellFault):
    """The reading of the cell's temperature is ``offset_K`` off."""

    expected: ClassVar = ("temperature_implausible", "overtemperature", "undertemperature")
    source: ClassVar = "foxBMS 2 v1.11, DIAG_ID_PLAUSIBILITY_CELL_TEMP: a warning"
    ranges: ClassVar = {"offset_K": Range(-25.0, -8.0)}

    kind: Literal["temperature_sensor_offset"] = "temperature_sensor_offset"
    offset_K: KelvinDifference = -10.0

    def effects(self) -> tuple[Effect, ...]:
        """Return the change of the reading."""
        times = self.start_ns, self.end_ns
        return (SensorFault(*times, self.site, self.module, self.cell, "temperature_K", "offset", self.offset_K),)
