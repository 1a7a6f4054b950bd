"""State of health: a module's capacity and resistance, from what flows between two moments of known charge.

Capacity: between two looks at steep parts of the OCV curve, where voltages tell the SOC whatever the capacity is, the
SOC changes by the charge counted over the capacity. The charge is counted well and the SOC known less well, so a scalar
Kalman filter of nominal over actual capacity regresses SOC on charge: errors of the SOC do not bias it.

Resistance: where the current steps, the voltage steps by the model's voltages times the resistance factor; again a
scalar Kalman filter.

A gain error of the current sensor is an equal error of the capacity: nothing that is measured tells them apart.

Source: G. L. Plett, J. Power Sources 196 (2011) 2319, doi:10.1016/j.jpowsour.2010.10.048, recursive total least squares
of capacity, of which the errors of the charge are left out: they do not average out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from twin.bms.estimators.cell_mean import cell_mean
from twin.bms.estimators.circuit import Circuit
from twin.bms.estimators.estimator import (
    UNKNOWN_CAPACITY_SD,
    UNKNOWN_RESISTANCE_SD,
    Condition,
    Estimate,
    FloatArray,
    IntArray,
)
from twin.bms.measured import Measured
from twin.bms.module_data import ModuleData
from twin.bms.ocv import OcvCurve
from twin.options import Options
from twin.quantity import Amperes, Volts

BoolArray = NDArray[np.bool_]

_DAY_S = 86_400.0
_LEAST, _MOST = 0.25, 4.0
"""Bounds of both ratios, against what broken sensors make of them."""
_WIDTH = 0.005
"""Of SOC, over which the slope of the OCV curve is taken."""


@dataclass(frozen=True)
class Ratio:
    """A quantity over what it was in a new module, or the inverse, and its standard deviation, ``[row]`` each."""

    value: FloatArray
    sd: FloatArray

    def learn(
        self, cause: FloatArray, effect: FloatArray, noise: FloatArray, where: BoolArray, drift: FloatArray
    ) -> Ratio:
        """Return the ratio after ``effect = ratio * cause`` was measured ``where``, with a variance of ``noise``.

        ``drift``: variance by which the ratio itself may have changed.
        """
        variance = _square(self.sd) + drift
        gain = np.where(where, variance * cause / (_square(cause) * variance + noise), 0.0)
        value = self.value + gain * (effect - self.value * cause)
        sd = np.sqrt(np.maximum(variance * (1.0 - gain * cause), 0.0))
        return Ratio(np.minimum(np.maximum(value, _LEAST), _MOST), sd)


@dataclass(frozen=True)
class Point:
    """The last moment at which the SOC was known, ``[row]`` each."""

    soc: FloatArray
    sd: FloatArray
    """Infinite while there was none; an offset of the current sensor adds to it."""
    drawn_Ah: FloatArray
    """Since then."""


@dataclass(frozen=True)
class Swing:
    """The voltages at the last fresh sample, ``[row]`` each."""

    voltage_V: FloatArray
    """Of the mean cell."""
    lost_V: FloatArray
    """What the resistances of a new module would have taken from it."""


@dataclass(frozen=True)
class Health:
    """What is believed of modules' age, and from what it is measured, ``[row]`` each."""

    condition: Condition
    last_ns: IntArray
    """Time of the last sample, -1: none."""
    shrinkage: Ratio
    """Capacity of a new module over that of this one."""
    resistance: Ratio
    point: Point
    circuit: Circuit
    swing: Swing

    @property
    def soh(self) -> FloatArray:
        """Capacity over that of a new module, ``[row]``."""
        return 1.0 / self.shrinkage.value


class HealthOptions(Options):
    """How capacity and resistance of modules are estimated."""

    known_sd: Annotated[float, Field(gt=0)] = 0.008
    """A SOC whose standard deviation is less counts as known: 3 mV on a slope of 0.4 V, off the flat stretches."""
    least_span: Annotated[float, Field(gt=0, le=1)] = 0.3
    """Least change of SOC between two points from which capacity is estimated."""
    capacity_sd: Annotated[float, Field(ge=0)] = 0.05
    """Never is the estimator told to be surer of the capacity: after ``least_span`` it must not know the SOC but by a
    look at voltages, or health would learn what it has told itself."""
    offset_A: Annotated[Amperes, Field(ge=0)] = 0.05
    """Offset of the current sensor, by which old points lose their worth."""
    capacity_drift: Annotated[float, Field(ge=0)] = 0.002
    """Relative change of capacity that a day may bring; old measurements are forgotten by it."""
    resistance_drift: Annotated[float, Field(ge=0)] = 0.01
    """Likewise, of the resistance, which also depends on the SOC a little."""
    step_V: Annotated[Volts, Field(gt=0)] = 0.002
    """Least step of the voltage over a new module's resistances from which resistance is estimated."""
    voltage_sd_V: Annotated[Volts, Field(gt=0)] = 0.001
    """Error of a step of the mean voltage, resolution included."""

    def initial(self, rows: int, module: ModuleData) -> Health:
        """Return the data sheet's module, of which nothing is measured yet."""
        return Health(
            condition=Condition.new(rows, module),
            last_ns=np.full(rows, -1, np.int64),
            shrinkage=Ratio(np.ones(rows), np.full(rows, UNKNOWN_CAPACITY_SD)),
            resistance=Ratio(np.ones(rows), np.full(rows, UNKNOWN_RESISTANCE_SD)),
            point=Point(np.zeros(rows), np.full(rows, np.inf), np.zeros(rows)),
            circuit=Circuit.resting(rows),
            swing=Swing(np.zeros(rows), np.zeros(rows)),
        )

    def step(
        self, health: Health, measured: Measured, balancing_A: FloatArray, estimate: Estimate, module: ModuleData
    ) -> Health:
        """Return the health after a look at the sensors and the ``estimate`` that was made from it."""
        elapsed_s = np.where(health.last_ns < 0, 0, measured.time_ns - health.last_ns) * 1e-9
        drawn_Ah = (measured.current_A + cell_mean(balancing_A)) * (elapsed_s * (1.0 / 3600.0))
        days = elapsed_s * (1.0 / _DAY_S)
        shrinkage, point = self._spanned(health, estimate, drawn_Ah, days, measured.fresh, module)
        circuit = health.circuit.after(measured, elapsed_s, module)
        swing = Swing(cell_mean(measured.voltage_V), circuit.lost_V)
        moved_V = _slope_V(module.ocv, estimate.soc) * drawn_Ah * (1.0 / module.capacity_Ah)
        resistance = self._stepped(health, swing, moved_V, days, measured.fresh)
        condition = Condition(
            module.capacity_Ah / shrinkage.value,
            np.sqrt(_square(shrinkage.sd / shrinkage.value) + self.capacity_sd**2),
            resistance.value,
            resistance.sd / resistance.value,
        )
        swing = Swing(
            np.where(measured.fresh, swing.voltage_V, health.swing.voltage_V),
            np.where(measured.fresh, swing.lost_V, health.swing.lost_V),
        )
        return Health(condition, measured.time_ns, shrinkage, resistance, point, circuit, swing)

    def _spanned(
        self,
        health: Health,
        estimate: Estimate,
        drawn_Ah: FloatArray,
        days: FloatArray,
        fresh: BoolArray,
        module: ModuleData,
    ) -> tuple[Ratio, Point]:
        """Compare charge with SOC where both ends of a span are known, and begin a new one there."""
        drawn_Ah = health.point.drawn_Ah + drawn_Ah
        old_sd = health.point.sd + days * (24.0 * self.offset_A / module.capacity_Ah)
        lost_soc = health.point.soc - estimate.soc
        known = fresh & (estimate.soc_sd < self.known_sd)
        spanned = known & (np.abs(lost_soc) >= self.least_span)
        noise = _square(old_sd) + _square(estimate.soc_sd)
        share = drawn_Ah * (1.0 / module.capacity_Ah)
        shrinkage = health.shrinkage.learn(share, lost_soc, noise, spanned, self.capacity_drift**2 * days)
        anew = spanned | (known & (estimate.soc_sd < old_sd))
        point = Point(
            np.where(anew, estimate.soc, health.point.soc),
            np.where(anew, estimate.soc_sd, old_sd),
            np.where(anew, 0.0, drawn_Ah),
        )
        return shrinkage, point

    def _stepped(self, health: Health, swing: Swing, moved_V: FloatArray, days: FloatArray, fresh: BoolArray) -> Ratio:
        """Compare steps of the voltage with those of a new module; ``moved_V``: by how much the OCV moves meanwhile."""
        more_V, fell_V = swing.lost_V - health.swing.lost_V, health.swing.voltage_V - swing.voltage_V
        where = fresh & (health.last_ns >= 0) & (np.abs(more_V) >= self.step_V)
        noise_V2 = self.voltage_sd_V**2 + _square(moved_V)
        return health.resistance.learn(more_V, fell_V, noise_V2, where, self.resistance_drift**2 * days)


def _slope_V(ocv: OcvCurve, soc: FloatArray) -> FloatArray:
    return (ocv.voltage_V(soc + _WIDTH) - ocv.voltage_V(soc - _WIDTH)) * (0.5 / _WIDTH)


def _square(values: FloatArray) -> FloatArray:
    return values * values
