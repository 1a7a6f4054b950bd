"""What an architecture is: which ECUs a site has, what each runs, what is wired where and who can open what."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

from twin.bms.firmware.firmware import READERS, Firmware, Scope
from twin.bms.options import Bms
from twin.bms.site import Site
from twin.errors import InputError, Problem, attempt


@dataclass(frozen=True)
class Ecu:
    """One controller of a site: its role, what it looks after, and the pack and first slot of that."""

    role: str
    scope: Scope
    pack: int
    slot: int

    @property
    def node(self) -> str:
        """What CAN databases call it."""
        return READERS[self.scope].format({"module": self.slot, "pack": self.pack, "site": 0}[self.scope] + 1)


Instead = Callable[["Architecture", Firmware[Any]], Firmware[Any]]
"""Makes the firmware that takes the place of a role's own."""


class Architecture(ABC):
    """One architecture, one file; ``site`` says what it manages."""

    database_suffix: ClassVar[str]
    """Of the shipped CAN databases' names: who says what on the bus follows from the architecture."""
    scans: ClassVar[bool] = False
    """Whether cells are wired to a controller that reads one module after the other."""
    module_contactors: ClassVar[bool] = True
    pack_contactors: ClassVar[bool] = True

    def __init__(self, options: Bms, site: Site, instead: Mapping[str, Instead] = MappingProxyType({})) -> None:
        self.options = options
        self.site = site
        self._instead = instead

    @abstractmethod
    def ecus(self) -> tuple[Ecu, ...]:
        """Return a site's ECUs; their order breaks ties between activations at one instant."""

    @property
    def replaced(self) -> frozenset[str]:
        """The roles whose firmware is not the architecture's own."""
        return frozenset(self._instead)

    def firmware(self) -> tuple[Firmware[Any], ...]:
        """Return the firmware of each role: the architecture's own, or what the scenario puts in its place.

        Raises InputError with everything that is wrong with the latter.
        """
        problems: list[Problem] = []
        made = [attempt(problems, partial(self._chosen, own)) for own in self.own_firmware()]
        if problems:
            raise InputError(problems)
        return tuple(one for one in made if one)

    def _chosen(self, own: Firmware[Any]) -> Firmware[Any]:
        return self._instead[own.role](self, own) if own.role in self._instead else own

    @abstractmethod
    def own_firmware(self) -> tuple[Firmware[Any], ...]:
        """Return the firmware that the architecture has for each role."""

    def by_module(self, firmware: type[Firmware[Any]]) -> list[Ecu]:
        """Return an ECU for each slot."""
        modules = self.site.modules
        slots = range(self.site.packs * modules)
        return [Ecu(firmware.role, firmware.scope, slot // modules, slot) for slot in slots]

    def by_pack(self, firmware: type[Firmware[Any]]) -> list[Ecu]:
        """Return an ECU for each pack."""
        modules = self.site.modules
        return [Ecu(firmware.role, firmware.scope, pack, pack * modules) for pack in range(self.site.packs)]

    @staticmethod
    def of_site(firmware: type[Firmware[Any]]) -> Ecu:
        """Return an ECU for the site."""
        return Ecu(firmware.role, firmware.scope, 0, 0)
