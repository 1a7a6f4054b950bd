"""What a fault code is: a number that travels on the bus, and everything that an installer should read beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final, Literal

Unit = Literal["V", "K", "delta_K", "K/s", "A", "ohm", "s", "1"]
Place = Literal["cell", "module", "pack", "ECU", "site"]

_TEXT: Final = MappingProxyType[str, Callable[[float], str]](
    {
        "K": lambda value: f"{value - 273.15:.1f} degC",
        "delta_K": lambda value: f"{value:.1f} K",
        "ohm": lambda value: f"{value:.4g} ohm",
        "K/s": lambda value: f"{value:.2f} K/s",
        "1": lambda value: f"{value:.3g}",
    }
)


class Level(IntEnum):
    """How severe a finding is; the numbers are those on the bus."""

    OK = 0
    INFO = 1
    WARNING = 2
    FATAL = 3


@dataclass(frozen=True)
class FaultCode:
    """One code of the catalogue; ``number`` is stable and fits into the byte that it has on the bus."""

    number: int
    name: str
    title: str
    unit: Unit
    """Of its value; temperatures in K are told in degC, and differences of two in K."""
    cause: str
    remedy: str
    place: Place = "module"
    """How precisely it says where."""
    value: str = ""
    """What its value is, where the title does not say it."""

    def sentence(self, level: Level, place: str, value: float) -> str:
        """Return what was found and where, in plain language; a value that is not known (NaN) is left out."""
        known = not math.isnan(value)
        finding = f", {f'{self.value} ' if self.value else ''}{self.told(value)}" if known else ""
        return f"{place}: {self.title}{finding}" + ("" if level else " (cleared)")

    def told(self, value: float) -> str:
        """Return a value with its unit."""
        return _TEXT[self.unit](value) if self.unit in _TEXT else f"{value:.3f} {self.unit}"


def place_name(pack: int, slot: int, cell: int = -1) -> str:
    """Return how a place of a site is called, counted from 1, the battery first; -1 stands for the whole."""
    parts = (("pack", pack), ("module", slot), ("cell", cell))
    return ", ".join(f"{what} {number + 1}" for what, number in parts if number >= 0) or "the whole site"
