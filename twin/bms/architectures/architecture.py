"""What an architecture is: which ECUs a site has, and what each runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from twin.bms.firmware.firmware import Firmware
from twin.bms.ocv import OcvCurve
from twin.bms.options import Bms


@dataclass(frozen=True)
class Ecu:
    """One controller of a site: its role, and the pack and first slot that it looks after."""

    role: str
    pack: int
    slot: int


@dataclass(frozen=True)
class Site:
    """What every site of the cohort is made of, as far as its controllers must know."""

    packs: int
    modules: int
    cells: int
    capacity_Ah: float
    ocv: OcvCurve


class Architecture(ABC):
    """One architecture, one file; ``site`` says what it manages."""

    def __init__(self, options: Bms, site: Site) -> None:
        self.options = options
        self.site = site

    @abstractmethod
    def ecus(self) -> tuple[Ecu, ...]:
        """Return a site's ECUs; their order breaks ties between activations at one instant."""

    @abstractmethod
    def firmware(self) -> tuple[Firmware[Any], ...]:
        """Return the firmware of each role."""
