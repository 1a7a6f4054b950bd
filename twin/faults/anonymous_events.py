"""Events do not say which battery they are about."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.faults.ecu_fault import OfAnEcu
from twin.faults.fault import Effect


class AnonymousEvents(OfAnEcu):
    """The events of the ECU name neither module nor cell."""

    source: ClassVar = "users of open BMS: an event does not name its battery"

    kind: Literal["anonymous_events"] = "anonymous_events"

    def effects(self) -> tuple[Effect, ...]:
        """Return what happens to the ECU."""
        return self.trouble("anonymous")
