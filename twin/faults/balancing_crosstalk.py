"""Balancing corrupts readings: bleed currents flow through the wires by which cells are measured."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.bms.effects import SensorFault
from twin.faults.fault import Effect, ModuleFault, Range, TimedFault
from twin.quantity import Ohms


class BalancingCrosstalk(TimedFault, ModuleFault):
    """Each sense wire has ``wire_ohm`` and carries the bleed currents of the cells on both of its sides.

    A cell that is bled reads twice the drop too low, its neighbours once too high. Nothing happens without balancing.
    """

    expected: ClassVar = ("balancing_disturbs_measurement", "voltage_implausible")
    source: ClassVar = "users of open BMS: balancing current corrupts the neighbour's cell reading (common wire)"
    ranges: ClassVar = {"wire_ohm": Range(0.1, 2.0, log=True)}

    kind: Literal["balancing_crosstalk"] = "balancing_crosstalk"
    wire_ohm: Annotated[Ohms, Field(gt=0)] = 0.5
    """A metre of 0.5 mm2 has 35 mohm; thin wires and poor connectors make the rest."""

    def effects(self) -> tuple[Effect, ...]:
        """Return the change of the readings."""
        times = self.start_ns, self.end_ns
        return (SensorFault(*times, self.site, self.module, -1, "cell_voltage_V", "common_wire", self.wire_ohm),)
