"""A node has another bit rate than its bus: none of its frames is understood."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.faults.fault import Effect, Fault
from twin.network.disturbances import WrongFrames
from twin.quantity import Seconds

FOR_EVER = 10**9


class WrongBitRate(Fault):
    """Every frame of ``node`` is destroyed from ``start_s`` on, until it is bus-off, and again whenever it is back.

    That it also destroys frames of others until it is error passive, some sixteen of them, is left out.
    """

    expected: ClassVar = ("bus_errors", "module_silent", "bus_off")
    source: ClassVar = "users of open BMS: controller updated and modules not, baud mismatch with no way back"

    kind: Literal["wrong_bit_rate"] = "wrong_bit_rate"
    node: str
    start_s: Annotated[Seconds, Field(ge=0)]

    @property
    def start_ns(self) -> int:
        """When it begins."""
        return round(self.start_s * 1e9)

    def effects(self) -> tuple[Effect, ...]:
        """Return the destruction of its frames."""
        return (WrongFrames(self.start_ns, self.site, FOR_EVER, node=self.node, bit=20),)
