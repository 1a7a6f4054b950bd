"""What the faults of an ECU have in common."""

from __future__ import annotations

from twin.bms.effects import EcuFault, EcuKind, EcuLevel
from twin.faults.fault import ModuleFault, TimedFault


class OfAnEcu(TimedFault, ModuleFault):
    """Base of the faults of one ECU: the one that measures ``module``, that of its pack, or the site's inverter.

    Which controller that is depends on the architecture: a centralized one measures all modules of its pack, and in a
    distributed one the module's own ECU also stands in for the pack's.
    """

    ecu: EcuLevel = "module"

    def trouble(self, kind: EcuKind, value: float = 0.0) -> tuple[EcuFault, ...]:
        """Return what happens to the ECU."""
        return (EcuFault(self.start_ns, self.end_ns, self.site, self.module, self.ecu, kind, value),)
