"""Figures of the whole fleet, read a block of sites at a time so that any fleet fits into memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from twin.analysis.thinning import Buckets, Floats

if TYPE_CHECKING:
    from twin.analysis.view import RunView

_BLOCK_VALUES: Final = 8_000_000
_BUCKETS: Final = 480


@dataclass(frozen=True)
class Peak:
    """The highest value of a signal, and where and when it was reached."""

    value: float
    site: int
    slot: int
    cell: int
    time_s: float


@dataclass(frozen=True)
class Spread:
    """Highest minus lowest cell of a module; ``by_site[site, bucket]`` is that of the worst module."""

    by_site: Floats
    peak: Peak


class Fleet:
    """Statistics of one run; each is computed when it is first asked for, and None if the run lacks its signal."""

    def __init__(self, run: RunView) -> None:
        self._run = run
        self.buckets = Buckets(len(run.time_s), _BUCKETS)

    @cached_property
    def clock_ms(self) -> Floats:
        """Clock time at the start of each bucket."""
        return np.asarray(self._run.clock_ms[self.buckets.starts])

    def blocks(self, name: str) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
        """Yield a signal by blocks of sites: the rows, and values ``[site, ..., time]``."""
        variable = self._run.root[name]
        at_once = max(1, _BLOCK_VALUES // max(1, variable.size // variable.sizes["site"]))
        for first in range(0, variable.sizes["site"], at_once):
            rows = slice(first, first + at_once)
            yield rows, np.asarray(variable.isel(site=rows).values)

    def mean_by_site(self, name: str) -> Floats:
        """Return the mean of a signal over each site's slots and cells, ``[site, bucket]``."""
        found = [self.buckets.mean(_inner(np.nanmean, values)) for _, values in self.blocks(name)]
        return np.concatenate(found)

    def highest_by_site(self, name: str) -> Floats:
        """Return the highest value of each site's slots and cells, ``[site, bucket]``."""
        return np.concatenate([self.buckets.highest(_inner(np.nanmax, values)) for _, values in self.blocks(name)])

    def total(self, name: str) -> Floats:
        """Return the sum of a site-level signal over all sites that are not quarantined, ``[time]``."""
        return np.asarray(sum(np.nansum(values.astype(np.float64), axis=0) for _, values in self.blocks(name)))

    @cached_property
    def soc_name(self) -> str | None:
        """The finest state of charge that the run holds."""
        return self._run.first_of("soc", "module_soc", "pack_soc")

    @cached_property
    def temperature_name(self) -> str | None:
        """The finest temperature that the run holds."""
        return self._run.first_of("temperature_K", "housing_K")

    @cached_property
    def soc_by_site(self) -> Floats | None:
        """Mean state of charge, ``[site, bucket]``."""
        return self.mean_by_site(self.soc_name) if self.soc_name else None

    @cached_property
    def soc_range(self) -> tuple[float, float] | None:
        """Lowest and highest state of charge anywhere."""
        if self.soc_name is None:
            return None
        ends = [(np.nanmin(values), np.nanmax(values)) for _, values in self.blocks(self.soc_name) if _any(values)]
        return (float(min(low for low, _ in ends)), float(max(high for _, high in ends))) if ends else None

    @cached_property
    def temperature_by_site(self) -> Floats | None:
        """Highest temperature, ``[site, bucket]``."""
        return self.highest_by_site(self.temperature_name) if self.temperature_name else None

    @cached_property
    def hottest(self) -> Peak | None:
        """The hottest cell, or module if no cells were logged."""
        if self.temperature_name is None:
            return None
        peaks = [self._peak(rows, values) for rows, values in self.blocks(self.temperature_name) if _any(values)]
        return max(peaks, key=lambda peak: peak.value, default=None)

    @cached_property
    def spread(self) -> Spread | None:
        """Spread of the cell voltages."""
        if not self._run.has("cell_voltage_V"):
            return None
        by_site, peaks = [], []
        for rows, values in self.blocks("cell_voltage_V"):
            spread = np.max(values, axis=2) - np.min(values, axis=2)
            by_site.append(self.buckets.highest(_inner(np.nanmax, spread)))
            peaks += [self._peak(rows, spread)] if _any(spread) else []
        return Spread(np.concatenate(by_site), max(peaks, key=lambda peak: peak.value)) if peaks else None

    def _peak(self, rows: slice, values: npt.NDArray[Any]) -> Peak:
        place = np.unravel_index(int(np.nanargmax(values)), values.shape)
        site, *inner, row = (int(index) for index in place)
        slot, cell = ([*inner, -1, -1])[:2]
        time_s = float(self._run.time_s[row])
        return Peak(float(values[place]), int(self._run.sites[rows][site]), slot, cell, time_s)

    @cached_property
    def energy_kWh(self) -> tuple[float, float] | None:
        """Energy charged and discharged by all batteries, at the DC bus."""
        if not self._run.has("power_W"):
            return None
        hours = np.diff(self._run.time_s, prepend=0.0) / 3600.0
        charged = discharged = 0.0
        for _, values in self.blocks("power_W"):
            energy_kWh = np.nan_to_num(values.astype(np.float64)) * hours / 1000.0
            charged -= float(energy_kWh[energy_kWh < 0].sum())
            discharged += float(energy_kWh[energy_kWh > 0].sum())
        return charged, discharged

    @cached_property
    def quarantined(self) -> list[int]:
        """Sites whose plant has no values any more in the last row."""
        name = self._run.first_of("bus_voltage_V", "power_W")
        if name is None:
            return []
        last = self._run.root[name].isel(time=-1).values
        return [int(site) for site in self._run.sites[np.isnan(last)]]


def _any(values: npt.NDArray[Any]) -> bool:
    return not bool(np.isnan(values).all())


def _inner(reduce: Any, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Reduce ``[site, ..., time]`` to ``[site, time]``; a quarantined site stays NaN."""
    axes = tuple(range(1, values.ndim - 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # "all-NaN slice" is what quarantine looks like
        return np.asarray(reduce(values, axis=axes)) if axes else values
