"""The bus is disturbed: bits are wrong by chance, as near an inverter, or with a bad termination."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from twin.faults.fault import Effect, Fault
from twin.network.disturbances import Noise
from twin.quantity import Seconds


class BitErrors(Fault):
    """A share ``rate`` of the bits on the site's buses is wrong from ``start_s`` for ``duration_s``.

    In that time it holds instead of ``bus.bit_error_rate``.
    """

    kind: Literal["bit_errors"] = "bit_errors"
    start_s: Annotated[Seconds, Field(ge=0)]
    duration_s: Annotated[Seconds, Field(gt=0)] = 60.0
    rate: Annotated[float, Field(gt=0, le=0.5)] = 1e-4

    def effects(self) -> tuple[Effect, ...]:
        """Return the begin and the end."""
        return tuple(
            Noise(round(time_s * 1e9), self.site, rate)
            for time_s, rate in ((self.start_s, self.rate), (self.start_s + self.duration_s, None))
        )
