"""A node sends without end: stuck software, or a controller that has lost its mind."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.bms.effects import NEVER
from twin.faults.fault import Effect, TimedFault
from twin.network.disturbances import Babbling, babble
from twin.network.network import Message
from twin.quantity import Seconds


class BabblingNode(TimedFault):
    """``node`` also sends ``identifier``, every ``period_s`` from ``start_s`` for ``duration_s``."""

    expected: ClassVar = ("bus_errors", "module_silent")
    source: ClassVar = "the babbling idiot of bus systems, as in TTP and FlexRay, whose guardians exist for it"

    kind: Literal["babbling_node"] = "babbling_node"
    node: str
    identifier: Annotated[int, Field(ge=0, le=0x7FF)] = 0x000
    """0 wins every arbitration."""
    period_s: Annotated[Seconds, Field(gt=0)] = 0.0002
    """Shorter than a frame: the bus has no room for lower priorities."""
    duration_s: Annotated[Seconds, Field(gt=0)] | None = 10.0

    def effects(self) -> tuple[Effect, ...]:
        """Return the begin and the end."""
        begin = Babbling(self.start_ns, self.site, self.node, self.identifier, max(1, round(self.period_s * 1e9)))
        end = Babbling(self.end_ns, self.site, self.node, self.identifier, 0)
        return (begin,) if self.end_ns == NEVER else (begin, end)

    def messages(self) -> tuple[tuple[str, Message], ...]:
        """Return the message that it babbles."""
        return ((self.node, babble(self.node, self.identifier)),)
