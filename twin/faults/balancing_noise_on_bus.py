"""Balancing disturbs the bus: the switching of a module's resistors couples into CAN, and the controller is blind."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.bms.effects import WhileBalancing
from twin.faults.fault import Effect, ModuleFault, Range, TimedFault


class BalancingNoiseOnBus(TimedFault, ModuleFault):
    """A share ``rate`` of the bits on the site's buses is wrong while the module balances."""

    expected: ClassVar = ("bus_errors", "module_silent", "error_passive", "bus_off")
    source: ClassVar = "users of open BMS: balancing PWM kills the module bus at the first balancing module"
    ranges: ClassVar = {"rate": Range(0.002, 0.05, log=True)}

    kind: Literal["balancing_noise_on_bus"] = "balancing_noise_on_bus"
    rate: Annotated[float, Field(gt=0, le=0.5)] = 0.01
    """At 0.01 two frames of three are destroyed."""

    def effects(self) -> tuple[Effect, ...]:
        """Return the noise."""
        return (WhileBalancing(self.start_ns, self.end_ns, self.site, self.module, self.rate),)
