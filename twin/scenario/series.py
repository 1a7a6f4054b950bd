"""A quantity of every site over time, evaluated once and looked up at every tick."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Interpolation = Literal["hold", "linear"]


@dataclass(frozen=True, eq=False)
class Series:
    """``offset[S] + scale[S] * values`` between knots; before the first and after the last knot their values hold.

    ``knots_ns[n]`` counts from the start of the run. ``values[n]`` is a shape that all sites share, ``values[n, S]`` is
    each site's own. ``hold`` keeps a knot's value until the next one, which preserves the mean of data that are means
    of intervals; ``linear`` joins the knots, for data that are samples.
    """

    knots_ns: NDArray[np.int64]
    values: FloatArray
    scale: FloatArray
    offset: FloatArray
    interpolation: Interpolation
    _instants: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Python integers: a bisection in a list takes a tenth of what np.searchsorted takes.
        object.__setattr__(self, "_instants", self.knots_ns.tolist())

    def at(self, time_ns: int) -> FloatArray:
        """Return the value of every site at ``time_ns``, ``[S]``."""
        knots = self._instants
        right = bisect_right(knots, time_ns)
        left = max(right - 1, 0)
        shape = self.values[left]
        if self.interpolation == "linear" and 0 < right < len(knots):
            weight = (time_ns - knots[left]) / (knots[right] - knots[left])
            shape = shape + weight * (self.values[right] - shape)
        result: FloatArray = self.scale * shape
        result += self.offset
        return result

    def mean(self, duration_ns: int, samples: int = 1000) -> float:
        """Return the mean of all sites over the run, from evenly spaced samples."""
        times_ns = ((2 * k + 1) * duration_ns // (2 * samples) for k in range(samples))
        return float(np.mean([self.at(time_ns).mean() for time_ns in times_ns]))


def shared(
    knots_ns: NDArray[np.int64],
    values: FloatArray,
    interpolation: Interpolation,
    *,
    scale: FloatArray | None = None,
    offset: FloatArray | None = None,
) -> Series:
    """Return one shape for all sites: ``values[n]`` times ``scale[S]``, plus ``offset[S]``; give one of the two."""
    sites = next(len(array) for array in (scale, offset) if array is not None)
    scale = np.ones(sites) if scale is None else scale
    offset = np.zeros(sites) if offset is None else offset
    return Series(knots_ns, values, scale, offset, interpolation)


def level(value: FloatArray) -> Series:
    """Return a constant of each site, ``value[S]``."""
    return shared(np.zeros(1, dtype=np.int64), np.ones(1), "hold", scale=value)
