"""What energy management is: from what it sees of site, tariff and grid to the power that it asks of the battery."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from twin.options import Options

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Seen:
    """What energy management sees at an instant, ``[site]`` each."""

    load_W: FloatArray
    pv_W: FloatArray
    schedule_W: FloatArray
    """Planned power of the battery, positive when it discharges."""
    frequency_Hz: FloatArray
    prices: FloatArray
    """Of the 24 hours of the local day, over that of a flat hour: ``[24]``."""
    hour: float
    """Local time of day in hours."""
    soc: FloatArray
    """State of charge as the battery tells it; NaN before it has spoken."""


class Dispatch(Options):
    """Base of the kinds of energy management; what it asks for, the inverter limits to what the battery allows."""

    needs: ClassVar[tuple[str, ...]] = ()
    """Profiles of the scenario without which it has nothing to act on."""

    kind: str
    """Name of the kind; each class states its own."""

    @abstractmethod
    def request_W(self, seen: Seen) -> FloatArray:
        """Return the power asked of each battery, ``[site]``, positive when it discharges."""
