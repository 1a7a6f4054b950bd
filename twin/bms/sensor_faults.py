"""What faults make of the values that reach a sensor's converter.

Several on one sensor act one after the other, in the order in which they begin: offsets add up, gains multiply.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from twin.bms.effects import Mishap, SensorFault

FloatArray = NDArray[np.float64]
Readings = Mapping[str, FloatArray]
"""Values by quantity: ``[site]``, ``[site, slot]`` or ``[site, slot, cell]``; ``duty`` of the bleed resistors too."""

RAILS: Final = {
    "cell_voltage_V": (0.0, 5.0),  # assumed: converters of 5 V
    "temperature_K": (233.15, 398.15),  # assumed: NTC thermistors read -40 to 125 degC
    "module_V": (0.0, np.inf),
    "link_V": (0.0, np.inf),
    "insulation_ohm": (0.0, 1e7),
}
"""The lowest and highest reading of a kind of sensor."""


def place(one: Mishap, axes: int) -> tuple[Any, ...]:
    """Return the index of its site, slot and cell in values of so many axes; -1 means all."""
    return tuple(
        number if number >= 0 else slice(None) for number in (one.site, one.slot, getattr(one, "cell", -1))[:axes]
    )


def distort(
    readings: Readings, fault: SensorFault, since_ns: int, bleed_ohm: float, draws: np.random.Generator
) -> None:
    """Change ``readings`` by a fault that began ``since_ns`` ago."""
    values = readings[fault.quantity]
    where = place(fault, values.ndim)
    match fault.mode:
        case "offset":
            values[where] += fault.value
        case "gain":
            values[where] *= fault.value
        case "drift":
            values[where] += fault.value * since_ns * 1e-9
        case "noise":
            values[where] += fault.value * draws.standard_normal(np.shape(values[where]))
        case "open_wire":
            _shift_joint(values[where[:2]], fault.cell, fault.value)
        case "common_wire":
            _common_wires(values[where[:2]], readings["duty"][where[:2]], fault, bleed_ohm)
        case "balancing":
            values[where] /= 1.0 + fault.value * readings["duty"][fault.site].sum()


def saturate(readings: Readings, fault: SensorFault) -> None:
    """Keep the readings of the fault's site within what such a sensor can say."""
    if fault.quantity in RAILS:
        values = readings[fault.quantity]
        np.clip(values[fault.site], *RAILS[fault.quantity], out=values[fault.site, ...])


def _shift_joint(voltage_V: FloatArray, cell: int, shift_V: float) -> None:
    """Move the joint between a cell and the next: the sum of both stays, as their outer wires are whole."""
    voltage_V[..., cell] -= shift_V
    voltage_V[..., cell + 1 : cell + 2] += shift_V


def _common_wires(voltage_V: FloatArray, duty: FloatArray, fault: SensorFault, bleed_ohm: float) -> None:
    """Subtract what bleed currents drop in sense wires; wire j is the one below cell j, and the last above the last.

    A wire carries the current of the cell below it less that of the cell above: so a bleeding cell reads two drops
    less, its neighbours one more each.
    """
    bleed_A = duty * voltage_V / bleed_ohm
    none_A = np.zeros((*bleed_A.shape[:-1], 1))
    wire_V = fault.value * np.diff(np.concatenate([none_A, -bleed_A, none_A], axis=-1))
    if fault.cell >= 0:
        chosen = np.arange(wire_V.shape[-1]) == fault.cell + 1
        wire_V = np.where(chosen, wire_V, 0.0)
    voltage_V -= np.diff(wire_V)
