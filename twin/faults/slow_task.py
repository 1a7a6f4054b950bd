"""An ECU's control task runs too seldom: overload, a busy loop, a debug build."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.faults.ecu_fault import OfAnEcu
from twin.faults.fault import Effect, Range


class SlowTask(OfAnEcu):
    """The period of its task is ``factor`` times as long; so are its reactions."""

    expected: ClassVar = ("task_late", "module_silent")
    source: ClassVar = "foxBMS 2 v1.11, DIAG_ID_SYSTEM_MONITORING: fatal at once"
    ranges: ClassVar = {"factor": Range(2.0, 10.0, log=True)}

    kind: Literal["slow_task"] = "slow_task"
    factor: Annotated[float, Field(gt=1)] = 4.0

    def effects(self) -> tuple[Effect, ...]:
        """Return what happens to the ECU."""
        return self.trouble("slow", self.factor)
