"""Contactors close before communication is up."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.bms.effects import EcuLevel
from twin.faults.ecu_fault import OfAnEcu
from twin.faults.fault import Effect
from twin.quantity import Seconds


class ContactorsCloseEarly(OfAnEcu):
    """The ECU does not wait for its modules to be heard, nor for pre-charge, before it closes."""

    expected: ClassVar = ("precharge_failed", "module_silent")
    source: ClassVar = "users of open BMS: contactors close before communication is up"

    kind: Literal["contactors_close_early"] = "contactors_close_early"
    ecu: EcuLevel = "pack"
    start_s: Annotated[Seconds, Field(ge=0)] = 0.0

    def effects(self) -> tuple[Effect, ...]:
        """Return what happens to the ECU."""
        return self.trouble("early_close")
