"""What the sensors of a BMS say: sampled at the start of a tick and held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.bms.effects import Harness, Mishap, MissedReads, Renumbered, SensorFault
from twin.bms.sensor_faults import Readings, distort, place, saturate
from twin.bms.sensors import Sensor, Sensors
from twin.streams import stream

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_Active = tuple[Mishap, np.random.Generator]

_BLOCK = 64
_BLOCK_VALUES = 1 << 23
"""Ticks of noise drawn at once, and values; a site's draws do not depend on it."""
_OF_A_MODULE: Final = ("cell_voltage_V", "temperature_K", "current_A", "module_V")
_BY_SENSE_WIRES: Final = ("cell_voltage_V", "temperature_K", "module_V")
"""What is lost with a harness; the sensor of a current is wired on its own."""


@dataclass(frozen=True)
class Present:
    """What there is to be measured, true, at the sites that a tick serves."""

    cell_voltage_V: FloatArray
    """``[site, slot, cell]``, as the next."""
    temperature_K: FloatArray
    current_A: FloatArray
    """``[site, slot]``, as the next."""
    module_V: FloatArray
    link_V: FloatArray
    """``[site]``, as the next."""
    insulation_ohm: FloatArray
    duty: FloatArray
    """Of the bleed resistors, ``[site, slot, cell]``."""


@dataclass(frozen=True)
class Measurement:
    """Sensor values of one tick, shaped as in ``Present``."""

    cell_voltage_V: FloatArray
    temperature_K: FloatArray
    current_A: FloatArray
    module_V: FloatArray
    link_V: FloatArray
    insulation_ohm: FloatArray
    fresh: NDArray[np.bool_]
    """``[site, slot]``: not where the module's readings are those of before."""


class Sensing:
    """Adds each sensor's noise, resolution and faults; every site draws from streams of its own.

    ``mishaps`` name rows, are in the order of time, and those that do not concern sensors are passed over.
    """

    def __init__(
        self,
        options: Sensors,
        seed: int,
        site_ids: IntArray,
        slots: int,
        cells: int,
        mishaps: Sequence[Mishap] = (),
        bleed_ohm: float = 33.0,
    ) -> None:
        self._options, self._cells, self._bleed_ohm = options, cells, bleed_ohm
        self._cell_noise = _Noise(seed, "sensors", site_ids, (slots, 2 * cells + 1))
        self._terminal_noise = _Noise(seed, "terminal sensors", site_ids, (slots + 2,))
        self._waiting = [
            (one, stream(seed, "site", int(site_ids[one.site]), "sensor faults", number))
            for number, one in reversed(_numbered(mishaps))
            if isinstance(one, SensorFault | MissedReads | Harness | Renumbered)
        ]
        self._active: list[_Active] = []
        self._last: Measurement
        self._measured = False

    def sample(self, time_ns: int, present: Present, rows: IntArray | None = None) -> Measurement:
        """Measure what is present at the sites ``rows`` (None: all); call it once a tick of each site.

        Returns the measurements of all sites; those of others are what they were.
        """
        while self._waiting and self._waiting[-1][0].time_ns <= time_ns:
            self._active.append(self._waiting.pop())
        self._active = [one for one in self._active if time_ns < one[0].end_ns]
        active = self._active if rows is None else _among(self._active, rows)
        readings = self._distorted(time_ns, present, active) if active else vars(present)
        measured = self._read(readings, rows)
        last = self._last_of(measured, rows)
        for one, draws in active:
            _hold(measured, last, one, draws)
        self._keep(measured, rows)
        swaps = [one for one, _ in self._active if isinstance(one, Renumbered)]
        return _renumbered(self._last, swaps) if swaps else self._last

    def _last_of(self, measured: Measurement, rows: IntArray | None) -> Measurement:
        """Return what was measured before, or where nothing was, what is now."""
        if not self._measured:
            return measured
        return self._last if rows is None else Measurement(*(values[rows] for values in vars(self._last).values()))

    def _keep(self, measured: Measurement, rows: IntArray | None) -> None:
        if rows is None:
            self._last, self._measured = measured, True
            return
        if not self._measured:
            sites = len(self._cell_noise)
            shapes = ((sites, *values.shape[1:]) for values in vars(measured).values())
            self._last, self._measured = Measurement(*(np.zeros(shape) for shape in shapes)), True
            self._last = replace(self._last, fresh=self._last.fresh > 0.0)
        for name, values in vars(measured).items():
            getattr(self._last, name)[rows] = values

    def _distorted(self, time_ns: int, present: Present, active: Sequence[_Active]) -> Readings:
        """Return what reaches the sensors' converters."""
        readings = {name: values.copy() for name, values in vars(present).items()}
        for one, draws in active:
            if isinstance(one, SensorFault):
                distort(readings, one, time_ns - one.time_ns, self._bleed_ohm, draws)
                saturate(readings, one)
        return readings

    def _read(self, readings: Readings, rows: IntArray | None) -> Measurement:
        cell_noise, terminal_noise = self._cell_noise.next(rows), self._terminal_noise.next(rows)
        cells, options = self._cells, self._options
        return Measurement(
            _measure(readings["cell_voltage_V"], cell_noise[:, :, :cells], options.cell_voltage_V),
            _measure(readings["temperature_K"], cell_noise[:, :, cells : 2 * cells], options.temperature_K),
            _measure(readings["current_A"], cell_noise[:, :, 2 * cells], options.current_A),
            _measure(readings["module_V"], terminal_noise[:, :-2], options.module_V),
            _measure(readings["link_V"], terminal_noise[:, -2], options.link_V),
            _measure(readings["insulation_ohm"], terminal_noise[:, -1], options.insulation_ohm),
            np.ones(readings["module_V"].shape, np.bool_),
        )


def _among(active: Sequence[_Active], rows: IntArray) -> list[_Active]:
    """Return what happens to some sites, each named by its place among ``rows``."""
    places = np.searchsorted(rows, [one.site for one, _ in active]).tolist()
    return [
        (replace(one, site=place), draws)
        for place, (one, draws) in zip(places, active, strict=True)
        if place < len(rows) and rows[place] == one.site
    ]


def _hold(measured: Measurement, last: Measurement, one: Mishap, draws: np.random.Generator) -> None:
    """Put a reading's last value in its place, where the reading fails or is stuck."""
    if isinstance(one, SensorFault):
        if one.mode == "stuck":
            values = getattr(measured, one.quantity)
            where = place(one, values.ndim)
            values[where] = getattr(last, one.quantity)[where] if np.isnan(one.value) else one.value
    elif isinstance(one, Harness) or (isinstance(one, MissedReads) and draws.random() < one.probability):
        where = place(one, 2)
        for name in _BY_SENSE_WIRES if isinstance(one, Harness) else _OF_A_MODULE:
            getattr(measured, name)[where] = getattr(last, name)[where]
        measured.fresh[where] = False


class _Noise:
    """Standard normal numbers for every site, drawn in blocks from a stream of its own."""

    def __init__(self, seed: int, purpose: str, site_ids: IntArray, shape: tuple[int, ...]) -> None:
        self._streams = [stream(seed, "site", int(site), purpose) for site in site_ids]
        values = len(site_ids) * int(np.prod(shape))
        self._block = max(1, min(_BLOCK, _BLOCK_VALUES // values))
        self._values = np.empty((self._block, len(site_ids), *shape))
        self._next = np.full(len(site_ids), self._block)

    def __len__(self) -> int:
        return len(self._streams)

    def next(self, rows: IntArray | None = None) -> FloatArray:
        """Return the numbers of the next tick of the sites ``rows`` (None: all), ``[row, ...]``."""
        every = np.arange(len(self)) if rows is None else rows
        for site in every[self._next[every] == self._block].tolist():
            self._values[:, site] = self._streams[site].standard_normal((self._block, *self._values.shape[2:]))
            self._next[site] = 0
        place = self._next[every]
        self._next[every] += 1
        together = rows is None and bool((place == place[0]).all())
        values: FloatArray = self._values[place[0]] if together else self._values[place, every]
        return values


def _measure(true: FloatArray, noise: FloatArray, sensor: Sensor) -> FloatArray:
    value = true + sensor.noise * noise
    return np.round(value / sensor.resolution) * sensor.resolution if sensor.resolution else value


def _numbered(mishaps: Sequence[Mishap]) -> list[tuple[int, Mishap]]:
    """Return each with its number among those of its site, which does not depend on what other sites there are."""
    counts: dict[int, int] = {}
    numbered = []
    for one in mishaps:
        counts[one.site] = counts.get(one.site, -1) + 1
        numbered.append((counts[one.site], one))
    return numbered


def _renumbered(measured: Measurement, swaps: Sequence[Renumbered]) -> Measurement:
    """Return the readings as they are attributed: those of two modules under each other's number."""
    values = {name: array.copy() for name, array in vars(measured).items()}
    for swap in swaps:
        for name in (*_OF_A_MODULE, "fresh"):
            values[name][swap.site, [swap.slot, swap.other]] = values[name][swap.site, [swap.other, swap.slot]]
    return Measurement(**values)
