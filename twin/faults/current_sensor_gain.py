"""The current sensor of a module reads a share too much or too little."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.bms.effects import SensorFault
from twin.faults.fault import Effect, ModuleFault, Range, TimedFault


class CurrentSensorGain(TimedFault, ModuleFault):
    """The reading of the module's current is ``gain`` times the current."""

    expected: ClassVar = ("current_implausible", "capacity_mismatch")
    source: ClassVar = "a shunt of another resistance than is configured"
    ranges: ClassVar = {"gain": Range(1.05, 1.5)}

    kind: Literal["current_sensor_gain"] = "current_sensor_gain"
    gain: Annotated[float, Field(gt=0)] = 1.1

    def effects(self) -> tuple[Effect, ...]:
        """Return the change of the reading."""
        times = self.start_ns, self.end_ns
        return (SensorFault(*times, self.site, self.module, -1, "current_A", "gain", self.gain),)
