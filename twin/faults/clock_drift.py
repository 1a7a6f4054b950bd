"""An ECU's clock runs wrong: a failed crystal, and it runs on its inner oscillator."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.faults.ecu_fault import OfAnEcu
from twin.faults.fault import Effect, Range


class ClockDrift(OfAnEcu):
    """The frequency of its clock is ``error_ppm`` off: its tasks come late, and it counts charge by a wrong hour."""

    expected: ClassVar = ("clock_deviates", "capacity_mismatch")
    source: ClassVar = "inner RC oscillators of microcontrollers are 1 to 3 % off over temperature"
    ranges: ClassVar = {"error_ppm": Range(2000.0, 30000.0, log=True)}

    kind: Literal["clock_drift"] = "clock_drift"
    error_ppm: Annotated[float, Field(ge=-500_000, le=500_000)] = 10_000.0
    """Positive is slow: its second takes longer."""

    def effects(self) -> tuple[Effect, ...]:
        """Return what happens to the ECU."""
        return self.trouble("drift", self.error_ppm)
