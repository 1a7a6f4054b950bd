"""What changes the plant at an instant: a command of an ECU, a fault, a new set-point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Actuator = Literal[
    "module_closed",  # 1 closes the module's contactor, 0 opens it
    "pack_state",  # twin.plant.dc_bus.PackState: open, pre-charging, closed
    "bleed",  # duty 0..1 of a cell's passive balancing resistor
    "balancing_current_A",  # active balancing current of a cell, positive discharges
    "short_S",  # conductance of an internal short of a cell
    "contact_ohm",  # extra contact resistance of a cell
    "extra_heat_W",  # heat added to a cell from outside the model
    "cooling",  # relative coolant flow of a module, 0..1
    "power_limit_W",  # what the inverter may take at most: (charge, discharge) in value, cell 0 and 1
]


@dataclass(frozen=True)
class Action:
    """One change of one actuator; ``slot`` and ``cell`` of -1 mean all of them."""

    time_ns: int
    site: int
    actuator: Actuator
    value: float
    slot: int = -1
    cell: int = -1
