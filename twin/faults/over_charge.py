"""The inverter charges whatever the BMS allows: it has lost the limits, or never honoured them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.faults.fault import Effect, Range, TimedFault
from twin.quantity import Watts


class OverCharge(TimedFault):
    """The inverter keeps no power limit, and charges with ``charge_W`` beside what it is asked for."""

    expected: ClassVar = ("limits_ignored", "cell_overvoltage", "overcurrent")
    hazardous: ClassVar = True
    source: ClassVar = "users of open BMS: an inverter that ignores the charge limit"
    ranges: ClassVar = {"charge_W": Range(2000.0, 12000.0)}

    kind: Literal["over_charge"] = "over_charge"
    charge_W: Annotated[Watts, Field(ge=0)] = 5000.0

    def effects(self) -> tuple[Effect, ...]:
        """Return the ignorance and the power."""
        effects = self.held("inverter_ignores", 1.0) + self.held("inverter_extra_W", -self.charge_W)
        return tuple(sorted(effects, key=lambda effect: effect.time_ns))
