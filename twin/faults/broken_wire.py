"""An ECU loses its connection to the bus: a plug comes loose, a wire breaks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from twin.faults.fault import Effect, Fault
from twin.network.disturbances import Wire
from twin.quantity import Seconds


class BrokenWire(Fault):
    """``node`` neither sends nor receives from ``start_s`` for ``duration_s``, or to the end."""

    kind: Literal["broken_wire"] = "broken_wire"
    node: str
    start_s: Annotated[Seconds, Field(ge=0)]
    duration_s: Annotated[Seconds, Field(gt=0)] | None = None

    def effects(self) -> tuple[Effect, ...]:
        """Return the break, and the repair where there is one."""
        breaks = Wire(round(self.start_s * 1e9), self.site, self.node, connected=False)
        if self.duration_s is None:
            return (breaks,)
        return breaks, Wire(round((self.start_s + self.duration_s) * 1e9), self.site, self.node, connected=True)
