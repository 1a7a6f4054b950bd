"""Fault codes stay although what they tell of is over."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.faults.ecu_fault import OfAnEcu
from twin.faults.fault import Effect


class StaleCodes(OfAnEcu):
    """No finding of the ECU goes away or becomes less severe."""

    source: ClassVar = "users of open BMS: stale fault codes"

    kind: Literal["stale_codes"] = "stale_codes"

    def effects(self) -> tuple[Effect, ...]:
        """Return what happens to the ECU."""
        return self.trouble("stale")
