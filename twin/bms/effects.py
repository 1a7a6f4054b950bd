"""What may happen to a BMS, stated as data: to its sensors, its ECUs, and the wires of both.

``site`` is the site's number, and its row in a cohort once a scenario is expanded; ``slot`` -1 means all of the site.
What happens holds from ``time_ns`` on and no longer at ``end_ns``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, Literal

NEVER: Final = 2**63 - 1
"""The end of what does not end."""

Quantity = Literal["cell_voltage_V", "temperature_K", "current_A", "module_V", "link_V", "insulation_ohm"]
SensorMode = Literal[
    "offset",  # value is added to the reading
    "gain",  # the reading is value times what it should be
    "drift",  # value per second is added, from nothing at the start
    "noise",  # value is the standard deviation of noise beside the sensor's own
    "stuck",  # the reading stays value, or where that is NaN, the last one
    "open_wire",  # the joint above a cell is off by value: its cell reads that much less, the next one more
    "common_wire",  # value is the resistance of sense wires that also carry the bleed current
    "balancing",  # the reading is divided by 1 + value times the sum of the site's bleed duties
]


@dataclass(frozen=True)
class Lasting(ABC):
    """Base of what befalls a site from ``time_ns`` on, and no longer at ``end_ns``.

    ``site`` is the site's number, and its row in a cohort once a scenario is expanded.
    """

    time_ns: int
    end_ns: int
    site: int

    def holds(self, time_ns: int) -> bool:
        """Return whether it is so at this instant."""
        return self.time_ns <= time_ns < self.end_ns

    @property
    @abstractmethod
    def change(self) -> str:
        """The change in words."""


@dataclass(frozen=True)
class Mishap(Lasting):
    """Base of what happens to a BMS."""

    slot: int


@dataclass(frozen=True)
class SensorFault(Mishap):
    """A sensor's reading is no longer what it measures; ``cell`` -1 means all of the module, or its only sensor."""

    cell: int
    quantity: Quantity
    mode: SensorMode
    value: float

    @property
    def change(self) -> str:
        """The change in words."""
        amount = "" if self.value != self.value else f" {self.value:g}"
        return f"sensor of {self.quantity}: {self.mode.replace('_', ' ')}{amount}"


@dataclass(frozen=True)
class MissedReads(Mishap):
    """Reading a module fails by chance: a share ``probability`` of its readings are those of before."""

    probability: float

    @property
    def change(self) -> str:
        """The change in words."""
        return f"{self.probability:g} of the reads fail"


@dataclass(frozen=True)
class Harness(Mishap):
    """A module has no connection to whoever reads it: its node's bus wire, or the sense wires of a central scan."""

    @property
    def change(self) -> str:
        """The change in words."""
        return "the harness is off"


EcuLevel = Literal["module", "pack", "inverter"]
"""The ECU that measures a slot; the one that commands its pack's main contactor, and where there is none the former."""
EcuKind = Literal[
    "reset",  # off until the end, then as after power-on
    "hang",  # runs nothing and sends nothing until the end; what it commanded stays commanded
    "slow",  # its period is value times as long
    "drift",  # value in ppm is added to the error of its clock
    "clear",  # a service tool clears the latched findings, at once
    "stale",  # no finding goes away
    "anonymous",  # its events do not say which module they are about
    "early_close",  # it closes its contactor without waiting for what it should wait for
    "capacity",  # it takes the capacity for value times what it is told
]


@dataclass(frozen=True)
class EcuFault(Mishap):
    """An ECU does not do what its firmware says."""

    ecu: EcuLevel
    kind: EcuKind
    value: float = 0.0

    @property
    def change(self) -> str:
        """The change in words."""
        amount = f" {self.value:g}" if self.value else ""
        return f"ECU of the {self.ecu}: {self.kind.replace('_', ' ')}{amount}"


@dataclass(frozen=True)
class WhileBalancing(Mishap):
    """The site's buses have bit errors while the slot's balancing resistors switch."""

    bit_error_rate: float

    @property
    def change(self) -> str:
        """The change in words."""
        return f"while it balances, {self.bit_error_rate:g} of the bits on the bus are wrong"


@dataclass(frozen=True)
class SwappedLeads(Mishap):
    """Balancing commands of two cells of a module land on each other: leads, or numbers of another module variant."""

    cell: int
    other: int

    @property
    def change(self) -> str:
        """The change in words."""
        return f"balancing of cells {self.cell + 1} and {self.other + 1} is swapped"


@dataclass(frozen=True)
class Renumbered(Mishap):
    """Two modules have each other's number: what is read of one and commanded to it is the other."""

    other: int

    @property
    def change(self) -> str:
        """The change in words."""
        return f"modules {self.slot + 1} and {self.other + 1} have each other's number"
