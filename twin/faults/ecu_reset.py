"""An ECU restarts: its supply browned out, or its watchdog bit."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.faults.ecu_fault import OfAnEcu
from twin.faults.fault import Effect, Range
from twin.quantity import Seconds


class EcuReset(OfAnEcu):
    """The ECU is off for ``duration_s``, then begins as after power-on, with what its memory kept."""

    expected: ClassVar = ("ecu_restarted", "module_silent")
    source: ClassVar = "foxBMS 2 v1.11, DIAG_ID_SYSTEM_MONITORING: fatal at once"
    ranges: ClassVar = {"duration_s": Range(0.2, 5.0, log=True)}

    kind: Literal["ecu_reset"] = "ecu_reset"
    duration_s: Annotated[Seconds, Field(gt=0)] | None = 1.0
    """From switching off to the first activation."""

    def effects(self) -> tuple[Effect, ...]:
        """Return what happens to the ECU."""
        return self.trouble("reset")
