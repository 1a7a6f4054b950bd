"""A cell heats itself, ever faster: what precedes a thermal runaway."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.faults.fault import CellFault, Effect, Range, TimedFault
from twin.plant.action import Action
from twin.quantity import Seconds, Watts

STEPS = 20


class ThermalRunaway(TimedFault, CellFault):
    """Heat grows in equal factors from a hundredth of ``heat_W`` to all of it within ``growth_s``, and stays.

    Self-heating grows exponentially with temperature (Arrhenius); here it follows time, in steps. 2 kW heat a cell of
    6.3 kJ/K by 0.3 K/s, what 1C does to it adiabatically. Venting, gas and fire are not modelled.
    """

    expected: ClassVar = ("thermal_runaway", "overtemperature")
    hazardous: ClassVar = True
    source: ClassVar = "Feng et al. 2018, doi:10.1016/j.ensm.2017.05.013"
    ranges: ClassVar = {"heat_W": Range(500.0, 3000.0, log=True), "growth_s": Range(60.0, 300.0)}

    kind: Literal["thermal_runaway"] = "thermal_runaway"
    heat_W: Annotated[Watts, Field(gt=0)] = 2000.0
    growth_s: Annotated[Seconds, Field(gt=0)] = 180.0

    def effects(self) -> tuple[Effect, ...]:
        """Return the steps of the heat that lie before the end, and the end."""
        begin, *end = self.held("extra_heat_W", self.heat_W * 0.01, slot=self.module, cell=self.cell)
        step_ns = round(self.growth_s * 1e9 / STEPS)
        steps = [
            Action(
                self.start_ns + step * step_ns,
                self.site,
                "extra_heat_W",
                self.heat_W * 100.0 ** (step / STEPS - 1.0),
                self.module,
                self.cell,
            )
            for step in range(1, STEPS + 1)
        ]
        return begin, *(one for one in steps if one.time_ns < self.end_ns), *end
