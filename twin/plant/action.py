"""What changes the plant at an instant, a command of an ECU or a fault, and what the plant has to tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Actuator = Literal[
    "module_state",  # twin.plant.dc_bus.Contactor of the module: open, through its pre-charge resistor, closed
    "pack_state",  # twin.plant.dc_bus.Contactor of the pack that the slot is in
    "bleed",  # duty 0..1 of a cell's passive balancing resistor
    "balancing_current_A",  # active balancing current of a cell, positive discharges
    "short_S",  # conductance of an internal short of a cell
    "contact_ohm",  # extra contact resistance of a cell
    "extra_heat_W",  # heat added to a cell from outside the model
    "cooling",  # relative coolant flow of a module, 0..1
    "power_limit_W",  # what the inverter may take at most: cell 0 limits charging, cell 1 discharging, both positive
    # By faults only:
    "module_welded",  # 1: the module's contactor does not open
    "pack_welded",  # 1: the main contactor of the pack that the slot is in does not open
    "insulation_ohm",  # resistance of a site's DC system to earth
    "cooling_lost",  # share 0..1 of a module's coolant flow that does not arrive, whatever is commanded
    "inverter_ignores",  # 1: the site's inverter keeps no power limit
    "present",  # 0: the module is unplugged; 1: it is plugged in again, its contactor open
    "inverter_extra_W",  # power that the site's inverter takes beside what it is asked for, positive discharges
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

    @property
    def change(self) -> str:
        """The change in words."""
        return f"{self.actuator} = {self.value:g}"


@dataclass(frozen=True)
class Replacement:
    """Another module, at rest, takes the place of the one in a slot: its contactor is open, and it knows no command."""

    cell: ClassVar[int] = -1
    """It is not about a cell."""

    time_ns: int
    site: int
    slot: int
    soc: float
    """State of charge of its cells; the next two are theirs, too."""
    capacity_Ah: float
    resistance_factor: float
    temperature_K: float

    @property
    def change(self) -> str:
        """The change in words."""
        return f"replaced by one of {self.capacity_Ah:g} Ah at {self.soc:.0%} charge"


Change = Action | Replacement
"""What may happen to a plant at an instant."""

EventKind = Literal[
    "contactor",  # a contactor has moved: opened, closed or begun to pre-charge
    "arc",  # a module was unplugged while its contactor was not open
    "infeasible_power",  # the modules cannot deliver what the inverter asks for; it has tripped
    "inrush",  # modules met the link's capacitor at another voltage than their own
    "substep_cap",  # the step would need more sub-steps than are allowed
    "quarantine",  # an FMU of the site failed
]


@dataclass(frozen=True)
class PlantEvent:
    """Something that happened in the plant; ``site`` is a row of the cohort, ``slot`` -1 where the site is meant."""

    time_ns: int
    site: int
    kind: EventKind
    slot: int
    text: str
    pack: int = -1
    """Of a main contactor; -1 else."""
