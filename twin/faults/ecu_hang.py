"""An ECU hangs: its task runs no more, and its outputs stay as they are."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.faults.ecu_fault import OfAnEcu
from twin.faults.fault import Effect


class EcuHang(OfAnEcu):
    """The ECU runs and sends nothing, and what it commanded stays commanded."""

    expected: ClassVar = ("module_silent", "task_late")
    hazardous: ClassVar = True
    source: ClassVar = "foxBMS 2 v1.11, DIAG_ID_SYSTEM_MONITORING: fatal at once"
    ranges: ClassVar = {}

    kind: Literal["ecu_hang"] = "ecu_hang"

    def effects(self) -> tuple[Effect, ...]:
        """Return what happens to the ECU."""
        return self.trouble("hang")
