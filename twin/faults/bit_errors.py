"""The bus is disturbed: bits are wrong by chance, as near an inverter, or with a bad termination."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from twin.bms.effects import NEVER
from twin.faults.fault import Effect, Range, TimedFault
from twin.network.disturbances import Noise
from twin.quantity import Seconds


class BitErrors(TimedFault):
    """A share ``rate`` of the bits on the site's buses is wrong from ``start_s`` for ``duration_s``.

    In that time it holds instead of ``bus.bit_error_rate``.
    """

    expected: ClassVar = ("bus_errors", "error_passive", "module_silent")
    source: ClassVar = "Ferreira et al. 2004 measured 3e-11 to 2.6e-7 on CAN; a bad termination makes far more"
    ranges: ClassVar = {"rate": Range(0.002, 0.05, log=True)}

    kind: Literal["bit_errors"] = "bit_errors"
    duration_s: Annotated[Seconds, Field(gt=0)] | None = 60.0
    rate: Annotated[float, Field(gt=0, le=0.5)] = 1e-4

    def effects(self) -> tuple[Effect, ...]:
        """Return the begin and the end."""
        begin, end = Noise(self.start_ns, self.site, self.rate), Noise(self.end_ns, self.site, None)
        return (begin,) if self.end_ns == NEVER else (begin, end)
