"""A node sends without end: stuck software, or a controller that has lost its mind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from twin.faults.fault import Effect, Fault
from twin.network.disturbances import Babbling, babble
from twin.network.network import Message
from twin.quantity import Seconds


class BabblingNode(Fault):
    """``node`` also sends ``identifier``, every ``period_s`` from ``start_s`` for ``duration_s``."""

    kind: Literal["babbling_node"] = "babbling_node"
    node: str
    identifier: Annotated[int, Field(ge=0, le=0x7FF)] = 0x000
    """0 wins every arbitration."""
    period_s: Annotated[Seconds, Field(gt=0)] = 0.0002
    """Shorter than a frame: the bus has no room for lower priorities."""
    start_s: Annotated[Seconds, Field(ge=0)]
    duration_s: Annotated[Seconds, Field(gt=0)] = 10.0

    def effects(self) -> tuple[Effect, ...]:
        """Return the begin and the end."""
        period_ns = max(1, round(self.period_s * 1e9))
        return tuple(
            Babbling(round(time_s * 1e9), self.site, self.node, self.identifier, period)
            for time_s, period in ((self.start_s, period_ns), (self.start_s + self.duration_s, 0))
        )

    def messages(self) -> tuple[tuple[str, Message], ...]:
        """Return the message that it babbles."""
        return ((self.node, babble(self.node, self.identifier)),)
