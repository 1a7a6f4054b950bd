"""A contactor has welded: it stays closed when it is told to open."""

from __future__ import annotations

from typing import ClassVar, Literal

from twin.faults.fault import Effect, ModuleFault, TimedFault


class ContactorWeld(TimedFault, ModuleFault):
    """The contactor of the module, or the main contactor of its pack, no longer opens."""

    expected: ClassVar = ("contactor_welded", "main_contactor_welded")
    source: ClassVar = "foxBMS 2 v1.11, DIAG_ID_STRING_PLUS_CONTACTOR_FEEDBACK: fatal after 300 ms"
    ranges: ClassVar = {}

    kind: Literal["contactor_weld"] = "contactor_weld"
    contactor: Literal["module", "pack"] = "module"

    def effects(self) -> tuple[Effect, ...]:
        """Return the weld."""
        actuator: Literal["module_welded", "pack_welded"] = f"{self.contactor}_welded"  # type: ignore[assignment]
        return self.held(actuator, 1.0, slot=self.module)
