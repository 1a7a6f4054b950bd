"""Fault codes in plain language: what a code means, what usually causes it, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How severe a finding is; the numbers are those on the bus."""

    OK = 0
    INFO = 1
    WARNING = 2
    FATAL = 3


@dataclass(frozen=True)
class FaultCode:
    """One code of the catalogue."""

    number: int
    name: str
    title: str
    unit: str
    cause: str
    remedy: str

    def sentence(self, level: Level, place: str, value: float) -> str:
        """Return what was found and where, in plain language."""
        finding = f"{value - 273.15:.1f} degC" if self.unit == "K" else f"{value:.3f} {self.unit}"
        return f"{place}: {self.title}, {finding}" + ("" if level else " (cleared)")


CELL_OVERVOLTAGE = FaultCode(
    1,
    "cell_overvoltage",
    "cell voltage too high",
    "V",
    "charged beyond full, or a weak cell",
    "Stop charging and balance",
)
CELL_UNDERVOLTAGE = FaultCode(
    2, "cell_undervoltage", "cell voltage too low", "V", "discharged beyond empty, or a weak cell", "Stop discharging"
)
OVERTEMPERATURE = FaultCode(
    3, "overtemperature", "cell too hot", "K", "internal short, loose terminal or lost cooling", "Isolate and inspect"
)
UNDERTEMPERATURE = FaultCode(
    4,
    "undertemperature",
    "cell too cold",
    "K",
    "ambient below the limits of charging",
    "Do not charge before it is warmer",
)
OVERCURRENT = FaultCode(5, "overcurrent", "module current too high", "A", "load beyond the limits", "Reduce the load")
MODULE_SILENT = FaultCode(
    10,
    "module_silent",
    "module not heard on the bus",
    "s",
    "wiring, power or firmware of its monitor",
    "Check the harness",
)
PRECHARGE_FAILED = FaultCode(
    11,
    "precharge_failed",
    "DC link did not pre-charge",
    "V",
    "short on the link or open pre-charge path",
    "Inspect the link",
)

PROTECTION_CODES: tuple[FaultCode, ...] = (
    CELL_OVERVOLTAGE,
    CELL_UNDERVOLTAGE,
    OVERTEMPERATURE,
    UNDERTEMPERATURE,
    OVERCURRENT,
)
"""The codes of ``twin.bms.protection``'s quantities, in their order."""
