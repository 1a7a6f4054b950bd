"""A module's harness comes off: whoever reads it hears no more of it."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.bms.effects import Harness
from twin.faults.fault import Effect, ModuleFault, TimedFault


class HarnessLost(TimedFault, ModuleFault):
    """The module's bus wire is off where it has a monitor of its own, its sense wires where a controller scans it."""

    expected: ClassVar = ("module_silent", "reading_stale")
    hazardous: ClassVar = True
    source: ClassVar = "foxBMS 2 v1.11, DIAG_ID_AFE_COMMUNICATION_INTEGRITY: fatal after 150 ms"
    ranges: ClassVar = {}

    kind: Literal["harness_lost"] = "harness_lost"

    def effects(self) -> tuple[Effect, ...]:
        """Return the loss."""
        return (Harness(self.start_ns, self.end_ns, self.site, self.module),)
