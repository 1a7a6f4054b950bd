"""The insulation monitor is disturbed by balancing: switched resistors look like leakage to it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.bms.effects import SensorFault
from twin.faults.fault import Effect, Range, TimedFault


class InsulationMonitorDisturbed(TimedFault):
    """The monitor's reading is divided by 1 + ``sensitivity`` times the number of cells that are bled.

    The insulation is sound: an alarm is a false one. Nothing happens without balancing.
    """

    expected: ClassVar = ("balancing_disturbs_measurement",)
    source: ClassVar = "users of open BMS: isolation monitor disturbed by balancing"
    ranges: ClassVar = {"sensitivity": Range(10.0, 500.0, log=True)}

    kind: Literal["insulation_monitor_disturbed"] = "insulation_monitor_disturbed"
    sensitivity: Annotated[float, Field(gt=0)] = 200.0

    def effects(self) -> tuple[Effect, ...]:
        """Return the change of the reading."""
        times = self.start_ns, self.end_ns
        return (SensorFault(*times, self.site, -1, -1, "insulation_ohm", "balancing", self.sensitivity),)
