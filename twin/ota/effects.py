"""What may befall the update client of a site, stated as data."""

from __future__ import annotations

from dataclasses import dataclass

from twin.bms.effects import Lasting


@dataclass(frozen=True)
class Incident(Lasting):
    """Base of what happens to the update client of a site."""


@dataclass(frozen=True)
class PowerLoss(Incident):
    """Gateway and ECUs have no supply: what is being written is torn, and all of them boot when it is back."""

    @property
    def change(self) -> str:
        """The change in words."""
        return "no supply for gateway and ECUs"


@dataclass(frozen=True)
class WanLoss(Incident):
    """The site cannot reach the update server."""

    @property
    def change(self) -> str:
        """The change in words."""
        return "no connection to the update server"


@dataclass(frozen=True)
class ClockWrong(Incident):
    """The gateway's clock shows ``offset_ns`` more than the time: metadata expire and windows open by it."""

    offset_ns: int

    @property
    def change(self) -> str:
        """The change in words."""
        return f"clock of the gateway {self.offset_ns * 1e-9:+g} s off"


@dataclass(frozen=True)
class StorageFull(Incident):
    """The gateway has no room for images."""

    @property
    def change(self) -> str:
        """The change in words."""
        return "no room for images"


@dataclass(frozen=True)
class Attack(Incident):
    """Somebody between server and site, or in the server, who may have some of its ``keys``."""

    attack: str
    """Kind: a file in ``twin/ota/attacks/``."""
    keys: tuple[str, ...] = ()
    """Those that the attacker has: ``director.targets``, ``image.root#1`` for the first of several, ``primary``."""

    @property
    def change(self) -> str:
        """The change in words."""
        keys = f" with the keys of {', '.join(self.keys)}" if self.keys else ""
        return f"attack: {self.attack.replace('_', ' ')}{keys}"
