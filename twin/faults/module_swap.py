"""An installer takes a module out of the running system and puts another one in."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.bms.effects import Harness
from twin.faults.fault import Effect, ModuleFault, Range, TimedFault
from twin.plant.action import Action, Replacement
from twin.quantity import AmpereHours, Kelvin, Seconds


class ModuleSwap(TimedFault, ModuleFault):
    """The module is unplugged at ``start_s``; ``absent_s`` later another one joins, of its own charge and age.

    Its harness is off meanwhile. An ECU that sits on the module leaves with it, and the one that joins knows its
    charge. A controller that is wired to the slot finds another battery there, and remembers the former.
    """

    expected: ClassVar = ("module_replaced", "module_silent")
    source: ClassVar = "installers do it in the field"
    ranges: ClassVar = {"soc": Range(0.1, 0.9), "absent_s": Range(5.0, 60.0)}

    kind: Literal["module_swap"] = "module_swap"
    duration_s: None = None
    """What joins stays."""
    absent_s: Annotated[Seconds, Field(gt=0)] = 30.0
    """From unplugging to plugging in."""
    soc: Annotated[float, Field(ge=0, le=1)] = 0.3
    """State of charge of the module that joins: new ones are delivered at about 30 %."""
    capacity_Ah: Annotated[AmpereHours, Field(gt=0)] = 314.0
    resistance_factor: Annotated[float, Field(gt=0)] = 1.0
    temperature_K: Annotated[Kelvin, Field(gt=0)] = 298.15

    def effects(self) -> tuple[Effect, ...]:
        """Return the leaving and the joining."""
        joins_ns = round((self.start_s + self.absent_s) * 1e9)
        module = self.soc, self.capacity_Ah, self.resistance_factor, self.temperature_K
        return (
            Action(self.start_ns, self.site, "present", 0.0, self.module),
            Harness(self.start_ns, joins_ns, self.site, self.module),
            Replacement(joins_ns, self.site, self.module, *module),
        )
