"""Reading a module fails now and then: a marginal isolated link, interference, a converter that is slow to answer."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.bms.effects import MissedReads as Missed
from twin.faults.fault import Effect, ModuleFault, Range, TimedFault


class MissedReads(TimedFault, ModuleFault):
    """A share ``probability`` of the module's readings are those of before; nothing is dangerous about it."""

    expected: ClassVar = ("reading_stale",)
    source: ClassVar = "users of open BMS: missed reads trip the contactor for nothing"
    ranges: ClassVar = {"probability": Range(0.1, 0.6)}

    kind: Literal["missed_reads"] = "missed_reads"
    probability: Annotated[float, Field(gt=0, le=1)] = 0.3

    def effects(self) -> tuple[Effect, ...]:
        """Return the failing reads."""
        return (Missed(self.start_ns, self.end_ns, self.site, self.module, self.probability),)
