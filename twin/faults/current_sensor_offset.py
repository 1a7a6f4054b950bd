"""The current sensor of a module reads a current that is not there: a magnetised core, a drifted amplifier."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.bms.effects import SensorFault
from twin.faults.fault import Effect, ModuleFault, Range, TimedFault
from twin.quantity import Amperes


class CurrentSensorOffset(TimedFault, ModuleFault):
    """The reading of the module's current is ``offset_A`` off; coulomb counting sums it up."""

    expected: ClassVar = ("current_implausible", "capacity_mismatch")
    source: ClassVar = "a fault of every Hall sensor after an over-current: its core stays magnetised"
    ranges: ClassVar = {"offset_A": Range(1.0, 10.0, log=True)}

    kind: Literal["current_sensor_offset"] = "current_sensor_offset"
    offset_A: Amperes = 2.0

    def effects(self) -> tuple[Effect, ...]:
        """Return the change of the reading."""
        times = self.start_ns, self.end_ns
        return (SensorFault(*times, self.site, self.module, -1, "current_A", "offset", self.offset_A),)
