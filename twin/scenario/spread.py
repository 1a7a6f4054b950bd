"""What differs from home to home and from cell to cell, and the seeded draws of it.

All draws are truncated normal: within three standard deviations and within the bounds that each quantity states. A
value is the quantile of one uniform number, so that another standard deviation stretches a fleet and does not shuffle
it, and so that a site has the same values alone and in the fleet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from twin.options import Options
from twin.quantity import AmpereHours, Degrees, Kelvin, KelvinDifference, KilowattHours, Watts
from twin.streams import stream

FloatArray = NDArray[np.float64]

_NORMAL = NormalDist()
_REACH = 3.0
"""Standard deviations at which every spread ends."""


class Spread(Options):
    """A mean and how far the sites lie from it; a bare number is a mean without spread."""

    low: ClassVar[float] = -math.inf
    high: ClassVar[float] = math.inf

    mean: float
    sd: float

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, value: Any) -> Any:
        return {"mean": value} if isinstance(value, int | float | str) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _within_bounds(self) -> Spread:
        if not self.low <= self.mean <= self.high:
            raise ValueError(f"found mean {self.mean:g}; expected {self.low:g} to {self.high:g}")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> Any:
        return {"anyOf": [{"type": ["number", "string"]}, handler(core_schema)]}


class CellSpread(Spread):
    """A spread from site to site (``sd``), and around the site's value one from cell to cell (``cell_sd``)."""

    cell_sd: float


Deviation = Annotated[float, Field(ge=0)]


class Capacity(CellSpread):
    """Capacity of a new cell; draws lie within 1 and 10,000 Ah."""

    low: ClassVar[float] = 1.0
    high: ClassVar[float] = 10_000.0

    mean: AmpereHours = 314.0
    sd: Annotated[AmpereHours, Field(ge=0)] = 0.0
    """From batch to batch: a site's cells are of one batch."""
    cell_sd: Annotated[AmpereHours, Field(ge=0)] = 0.0


class ResistanceFactor(CellSpread):
    """Resistance of a new cell over the model's; draws lie within 0.2 and 5."""

    low: ClassVar[float] = 0.2
    high: ClassVar[float] = 5.0

    mean: float = 1.0
    sd: Deviation = 0.0
    cell_sd: Deviation = 0.0


class StateOfCharge(CellSpread):
    """State of charge at the start; draws lie within 0 and 1."""

    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1.0

    mean: float = 0.5
    sd: Deviation = 0.0
    cell_sd: Deviation = 0.0


class StateOfHealth(CellSpread):
    """Capacity over that of the new cell; draws lie within 0.5 and 1. Resistance grows with what is lost."""

    low: ClassVar[float] = 0.5
    high: ClassVar[float] = 1.0

    mean: float = 1.0
    sd: Deviation = 0.0
    cell_sd: Deviation = 0.0


class Temperature(Spread):
    """A temperature of a whole site; draws lie within 233.15 and 343.15 K."""

    low: ClassVar[float] = 233.15
    high: ClassVar[float] = 343.15

    mean: Kelvin = 298.15
    sd: Annotated[KelvinDifference, Field(ge=0)] = 0.0


class TemperatureOffset(Spread):
    """How much warmer a site is than others; draws lie within -50 and 50 K."""

    low: ClassVar[float] = -50.0
    high: ClassVar[float] = 50.0

    mean: KelvinDifference = 0.0
    sd: Annotated[KelvinDifference, Field(ge=0)] = 0.0


class AnnualEnergy(Spread):
    """What a site uses in a year; draws lie within 0 and 1,000,000 kWh."""

    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1e6

    mean: KilowattHours = 4000.0
    sd: Annotated[KilowattHours, Field(ge=0)] = 0.0


class Power(Spread):
    """A power of a site; draws lie within 0 and 10 MW."""

    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1e7

    mean: Watts = 0.0
    sd: Annotated[Watts, Field(ge=0)] = 0.0


class Tilt(Spread):
    """Angle of a PV module from the horizontal; draws lie within 0 and 90 degrees."""

    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 90.0

    mean: Degrees = 20.0
    sd: Annotated[Degrees, Field(ge=0)] = 0.0


class Azimuth(Spread):
    """Where a PV module looks to, clockwise from north; draws lie within -180 and 540 degrees."""

    low: ClassVar[float] = -180.0
    high: ClassVar[float] = 540.0

    mean: Degrees = 180.0
    sd: Annotated[Degrees, Field(ge=0)] = 0.0


class Scale(Spread):
    """A factor on a profile; draws lie within 0 and 1000."""

    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1000.0

    mean: float = 1.0
    sd: Deviation = 0.0


@dataclass(frozen=True)
class Draws:
    """The random values of some sites of a fleet: the same whichever other sites are drawn with them."""

    seed: int
    sites: tuple[int, ...]

    def per_site(self, spread: Spread, purpose: str) -> FloatArray:
        """Return one value a site, ``[S]``."""
        return np.array([self._site(spread, site, purpose) for site in self.sites], dtype=np.float64)

    def per_cell(self, spread: CellSpread, purpose: str, shape: Sequence[int]) -> FloatArray:
        """Return one value a cell, ``[S, *shape]``: around each site's own value."""
        values = np.empty((len(self.sites), *shape))
        for row, site in enumerate(self.sites):
            centre = self._site(spread, site, purpose)
            values[row] = self._draw(spread, centre, spread.cell_sd, (site, f"{purpose} of cells"), shape)
        return values

    def _site(self, spread: Spread, site: int, purpose: str) -> float:
        return float(self._draw(spread, spread.mean, spread.sd, (site, purpose), (1,))[0])

    def _draw(self, spread: Spread, mean: float, sd: float, key: tuple[int, str], shape: Sequence[int]) -> FloatArray:
        if sd == 0.0:
            return np.full(shape, mean)  # a stream costs more than all the rest
        return _truncated(stream(self.seed, "site", *key).random(shape), mean, sd, spread.low, spread.high)


def _truncated(uniform: FloatArray, mean: float, sd: float, low: float, high: float) -> FloatArray:
    """Return the quantiles at ``uniform`` of a normal distribution cut at three deviations and at its bounds."""
    least, most = (_NORMAL.cdf(z) for z in (max(-_REACH, (low - mean) / sd), min(_REACH, (high - mean) / sd)))
    levels = (least + (most - least) * uniform).ravel().tolist()
    deviates = np.array([_NORMAL.inv_cdf(level) for level in levels]).reshape(uniform.shape)
    return np.clip(mean + sd * deviates, low, high)
