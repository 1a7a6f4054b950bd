"""A site loses its supply: gateway and ECUs are off, and what is being written to flash is torn."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.faults.fault import Effect
from twin.faults.update_fault import UpdateFault
from twin.ota import effects
from twin.quantity import Seconds


class PowerLoss(UpdateFault):
    """For ``duration_s`` gateway and ECUs are off and contactors open; then bootloaders start what they find."""

    source: ClassVar = "Uptane 2.1.0: an update that fails must not leave an ECU unable to start; RAUC's slots"

    kind: Literal["power_loss"] = "power_loss"
    duration_s: Annotated[Seconds, Field(gt=0)] | None = 60.0
    """How long it lasts."""

    def effects(self) -> tuple[Effect, ...]:
        """Return the loss."""
        return (effects.PowerLoss(self.start_ns, self.end_ns, self.site),)
