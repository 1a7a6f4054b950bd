"""An ECU takes the capacity for another than it is: cells were changed, and the settings were not."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.faults.ecu_fault import OfAnEcu
from twin.faults.fault import Effect, Range
from twin.quantity import Seconds


class CapacityNotRescaled(OfAnEcu):
    """The ECU counts charge, and scales its current limits, with ``factor`` times the nominal capacity."""

    expected: ClassVar = ("capacity_mismatch",)
    source: ClassVar = "users of open BMS: limits not rescaled with capacity"
    ranges: ClassVar = {"factor": Range(0.5, 0.85)}

    kind: Literal["capacity_not_rescaled"] = "capacity_not_rescaled"
    factor: Annotated[float, Field(gt=0)] = 0.7
    start_s: Annotated[Seconds, Field(ge=0)] = 0.0

    def effects(self) -> tuple[Effect, ...]:
        """Return what happens to the ECU."""
        return self.trouble("capacity", self.factor)
