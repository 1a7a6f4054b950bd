"""The coolant of a module does not flow as commanded: a seized fan or pump, a closed valve, a clogged filter."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.faults.fault import Effect, ModuleFault, Range, TimedFault


class CoolingFailure(TimedFault, ModuleFault):
    """A share ``lost`` of the commanded flow does not arrive; without a cooling that is commanded, nothing changes."""

    expected: ClassVar = ("cooling_failed", "overtemperature")
    source: ClassVar = "a physical fault of every forced cooling"
    ranges: ClassVar = {"lost": Range(0.7, 1.0)}

    kind: Literal["cooling_failure"] = "cooling_failure"
    lost: Annotated[float, Field(gt=0, le=1)] = 1.0

    def effects(self) -> tuple[Effect, ...]:
        """Return the loss."""
        return self.held("cooling_lost", self.lost, slot=self.module)
