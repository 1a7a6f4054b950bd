"""What the sensors of a BMS say: sampled at the start of a tick and held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.bms.effects import Harness, Mishap, MissedReads, Renumbered, SensorFault
from twin.bms.sensor_faults import Readings, distort, place, saturate
from twin.bms.sensors import Sensor, Sensors
from twin.streams import stream

FloatArray = NDArray[np.float64]

_BLOCK = 64
_BLOCK_VALUES = 1 << 22
"""Ticks of noise drawn at once, and values; a site's draws do not depend on it."""
_OF_A_MODULE: Final = ("cell_voltage_V", "temperature_K", "current_A", "module_V")
_BY_SENSE_WIRES: Final = ("cell_voltage_V", "temperature_K", "module_V")
"""What is lost with a harness; the sensor of a current is wired on its own."""


@dataclass(frozen=True)
class Present:
    """What there is to be measured, true."""

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
        site_ids: NDArray[np.int64],
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
        self._active: list[tuple[Mishap, np.random.Generator]] = []
        self._last: Measurement | None = None

    def sample(self, time_ns: int, present: Present) -> Measurement:
        """Measure what is present; call it once a tick."""
        while self._waiting and self._waiting[-1][0].time_ns <= time_ns:
            self._active.append(self._waiting.pop())
        self._active = [one for one in self._active if time_ns < one[0].end_ns]
        readings = self._distorted(time_ns, present) if self._active else vars(present)
        measured = self._read(readings)
        for one, draws in self._active:
            self._hold(measured, one, draws)
        self._last = measured
        swaps = [one for one, _ in self._active if isinstance(one, Renumbered)]
        return _renumbered(measured, swaps) if swaps else measured

    def _distorted(self, time_ns: int, present: Present) -> Readings:
        """Return what reaches the sensors' converters."""
        readings = {name: values.copy() for name, values in vars(present).items()}
        for one, draws in self._active:
            if isinstance(one, SensorFault):
                distort(readings, one, time_ns - one.time_ns, self._bleed_ohm, draws)
                saturate(readings, one)
        return readings

    def _read(self, readings: Readings) -> Measurement:
        cell_noise, terminal_noise = self._cell_noise.next(), self._terminal_noise.next()
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

    def _hold(self, measured: Measurement, one: Mishap, draws: np.random.Generator) -> None:
        """Put a reading's last value in its place, where the reading fails or is stuck."""
        last = self._last or measured
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

    def __init__(self, seed: int, purpose: str, site_ids: NDArray[np.int64], shape: tuple[int, ...]) -> None:
        self._streams = [stream(seed, "site", int(site), purpose) for site in site_ids]
        values = len(site_ids) * int(np.prod(shape))
        self._block = max(1, min(_BLOCK, _BLOCK_VALUES // values))
        self._values = np.empty((self._block, len(site_ids), *shape))
        self._next = self._block

    def next(self) -> FloatArray:
        """Return the numbers of the next tick, ``[site, ...]``."""
        if self._next == self._block:
            for site, generator in enumerate(self._streams):
                self._values[:, site] = generator.standard_normal((self._block, *self._values.shape[2:]))
            self._next = 0
        self._next += 1
        values: FloatArray = self._values[self._next - 1]
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
