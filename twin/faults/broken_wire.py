"""An ECU loses its connection to the bus: a plug comes loose, a wire breaks."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.bms.effects import NEVER
from twin.faults.fault import Effect, TimedFault
from twin.network.disturbances import Wire


class BrokenWire(TimedFault):
    """``node`` neither sends nor receives from ``start_s`` for ``duration_s``, or to the end."""

    expected: ClassVar = ("module_silent", "bus_errors")
    source: ClassVar = "foxBMS 2 v1.11, DIAG_ID_CAN_TIMING: fatal after 1200 ms"

    kind: Literal["broken_wire"] = "broken_wire"
    node: str

    def effects(self) -> tuple[Effect, ...]:
        """Return the break, and the repair where there is one."""
        breaks = Wire(self.start_ns, self.site, self.node, connected=False)
        if self.end_ns == NEVER:
            return (breaks,)
        return breaks, Wire(self.end_ns, self.site, self.node, connected=True)
