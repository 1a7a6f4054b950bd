"""Protection is tested in service: a stimulus at a sensor, and a service tool that clears what it led to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from twin.bms.effects import EcuFault, SensorFault
from twin.faults.fault import CellFault, Effect
from twin.quantity import Seconds, Volts


class ProtectionSelfTest(CellFault):
    """For ``stimulus_s`` the voltage of a cell reads ``offset_V`` more; ``clear_after_s`` later the tool clears.

    So it goes ``count`` times, every ``every_s`` from ``start_s`` on. The module isolates itself each time, which shows
    how long protection takes, and comes back when the finding is cleared. Gates compare such times.
    """

    expected: ClassVar = ("cell_undervoltage", "cell_overvoltage", "voltage_implausible")
    hazardous: ClassVar = True
    source: ClassVar = "IEC 61508-4, diagnostic test interval: protection is tried before it is needed"

    kind: Literal["protection_self_test"] = "protection_self_test"
    start_s: Annotated[Seconds, Field(ge=0)]
    """When the first stimulus begins."""
    every_s: Annotated[Seconds, Field(gt=0)] = 3600.0
    """From one stimulus to the next."""
    count: Annotated[int, Field(ge=1, le=10_000)] = 1
    """How many there are."""
    offset_V: Annotated[Volts, Field(ge=-2, le=1)] = -1.1
    """Below zero it tries under-voltage: cells from 3.1 to 3.6 V then read less than 2.5 V. Above, over-voltage, at a
    price: a monitor that sees a cell above 3.5 V at a small current takes its module for full."""
    stimulus_s: Annotated[Seconds, Field(gt=0)] = 8.0
    """Longer than debounce and task together, shorter than the ten seconds after which cells count as apart."""
    clear_after_s: Annotated[Seconds, Field(gt=0)] = 2.0
    """The reading is true again before the tool clears."""

    @model_validator(mode="after")
    def _ends_before_the_next(self) -> Self:
        lasts_s = self.stimulus_s + self.clear_after_s
        if self.count > 1 and self.every_s <= lasts_s:
            raise ValueError(f"found every_s {self.every_s:g}; a test lasts {lasts_s:g} s, so expected more")
        return self

    @property
    def start_ns(self) -> int:
        """When the first stimulus begins."""
        return round(self.start_s * 1e9)

    @property
    def end_ns(self) -> int:
        """When the tool has cleared for the last time."""
        return self._begin_ns(self.count - 1) + self._lasts_ns

    def effects(self) -> tuple[Effect, ...]:
        """Return stimulus and clearing of each test."""
        return tuple(self._effects())

    @property
    def _lasts_ns(self) -> int:
        return round((self.stimulus_s + self.clear_after_s) * 1e9)

    def _begin_ns(self, number: int) -> int:
        return round((self.start_s + number * self.every_s) * 1e9)

    def _effects(self) -> Iterator[Effect]:
        for number in range(self.count):
            begin_ns = self._begin_ns(number)
            end_ns, cleared_ns = begin_ns + round(self.stimulus_s * 1e9), begin_ns + self._lasts_ns
            where = self.site, self.module
            yield SensorFault(begin_ns, end_ns, *where, self.cell, "cell_voltage_V", "offset", self.offset_V)
            yield EcuFault(cleared_ns, cleared_ns, *where, "module", "clear")
