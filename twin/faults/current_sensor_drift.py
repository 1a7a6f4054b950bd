"""The current sensor of a module drifts: its zero wanders off, as with temperature and age."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.bms.effects import SensorFault
from twin.faults.fault import Effect, ModuleFault, Range, TimedFault
from twin.quantity import Amperes


class CurrentSensorDrift(TimedFault, ModuleFault):
    """The error of the current's reading grows by ``hourly_A`` an hour, from none at ``start_s``."""

    expected: ClassVar = ("current_implausible", "capacity_mismatch")
    source: ClassVar = "listed by users: a state of charge that drifts away over weeks"
    ranges: ClassVar = {"hourly_A": Range(2.0, 50.0, log=True)}

    kind: Literal["current_sensor_drift"] = "current_sensor_drift"
    hourly_A: Amperes = 5.0
    """What the error grows by in an hour; far faster than real sensors drift, so that short runs see it."""

    def effects(self) -> tuple[Effect, ...]:
        """Return the change of the reading."""
        times, rate = (self.start_ns, self.end_ns), self.hourly_A / 3600.0
        return (SensorFault(*times, self.site, self.module, -1, "current_A", "drift", rate),)
