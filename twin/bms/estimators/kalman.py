"""State of charge by an extended Kalman filter that knows how wrong its model may be.

Between samples it counts charge; then the cells' voltages correct the count, as far as they say more than the model is
wrong. On the plateau of LFP they rarely do: a millivolt is some per cent of charge there, and the error of a model is
no noise that averages out. So gain and offset of the current sensor, the error of the OCV curve and that of the
resistances are carried in the covariance without being estimated (Schmidt's consider states): however often the filter
looks at a flat stretch, it does not become surer than the curve is good.

The OCV's slope is that of a chord as wide as the uncertainty, and its curvature adds to the noise (central
differences): at a knee, a tangent knows nothing of the bend beside it.

One filter follows the module's mean cell, and a second one by how much each cell lies apart from it (Plett's
"bar-delta"), with one gain a module.

Sources: G. L. Plett, Battery Management Systems, vol. 2, Artech House 2015, ch. 3 (models), 4.10 (bar-delta);
S. F. Schmidt, Application of state-space methods to navigation problems, Advances in Control Systems 3 (1966);
M. Norgaard, N. K. Poulsen, O. Ravn, Automatica 36 (2000) 1627 (chord slope and curvature, step sqrt 3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from twin.bms.estimators.cell_mean import cell_mean
from twin.bms.estimators.estimator import Condition, Estimate, Estimator, FloatArray, IntArray
from twin.bms.measured import Measured
from twin.bms.module_data import ModuleData
from twin.bms.ocv import OcvCurve
from twin.quantity import Amperes, Seconds, Volts

_START_SD = 0.1
"""Of the SOC that is remembered from before."""
_START_APART_SD = 0.02
_UNSETTLED_V = 0.02
"""Polarisation that may be left at power-on, when nobody knows what flowed before."""
_WIDE = np.sqrt(3.0)
"""Half a chord over the standard deviation; a Gaussian's kurtosis."""
_FAR = 9.0
"""An innovation beyond 3 standard deviations is believed only as far as these."""


@dataclass(frozen=True)
class KalmanEstimate(Estimate):
    """What the filter remembers beside the estimate, ``[row]`` each."""

    last_ns: IntArray
    """Time of the last sample, -1: none."""
    fast_V: FloatArray
    slow_V: FloatArray
    unsettled_V: FloatArray
    """How much polarisation from before power-on may be left."""
    gain_cov: FloatArray
    """Covariance of the SOC's error with the sensor's gain error over its standard deviation; so the next ones."""
    offset_cov: FloatArray
    curve_cov: FloatArray
    resistance_cov: FloatArray
    apart_sd: FloatArray
    """Standard deviation of ``apart``."""
    apart_curve_cov: FloatArray
    apart_resistance_cov: FloatArray


class _Circuit(NamedTuple):
    """What the model says of the mean cell now, ``[row]`` each."""

    fast_V: FloatArray
    slow_V: FloatArray
    lost_V: FloatArray
    """Open-circuit voltage less terminal voltage."""
    unsettled_V: FloatArray


class _Chord(NamedTuple):
    """The OCV curve as wide as the SOC is uncertain, ``[row]`` each."""

    slope_V: FloatArray
    bend_V: FloatArray
    """Mean of both ends less the middle."""


class KalmanFilter(Estimator[KalmanEstimate]):
    """Extended Kalman filter of the mean cell, and of each cell's distance from it."""

    kind: Literal["kalman"] = "kalman"
    voltage_sd_V: Annotated[Volts, Field(gt=0)] = 0.001
    """Noise of a cell's voltage, resolution included; what averages out."""
    curve_sd_V: Annotated[Volts, Field(ge=0)] = 0.003
    """Error of the OCV curve; what does not average out."""
    curve_s: Annotated[Seconds, Field(gt=0)] = 14_400.0
    """After this time the error of the curve is another one: some hours, in which the SOC has moved."""
    resistance_sd: Annotated[float, Field(ge=0)] = 0.1
    """Relative error of the resistances."""
    gain_sd: Annotated[float, Field(ge=0)] = 0.02
    """Relative error of current over capacity."""
    offset_sd_A: Annotated[Amperes, Field(ge=0)] = 0.05
    """Offset of the current sensor."""
    cell_curve_sd_V: Annotated[Volts, Field(ge=0)] = 0.001
    """By how much cells' voltage sensors and curves differ from each other."""
    cell_resistance_sd: Annotated[float, Field(ge=0)] = 0.05
    """By how much cells' resistances differ."""
    cell_capacity_sd: Annotated[float, Field(ge=0)] = 0.02
    """By how much cells' capacities differ."""

    def initial(self, soc: FloatArray, module: ModuleData) -> KalmanEstimate:
        """Return the remembered SOC, good to 10 %, and all cells alike."""
        rows = len(soc)

        zero = np.zeros(rows)
        return KalmanEstimate(
            soc=soc.copy(),
            soc_sd=np.full(rows, _START_SD),
            apart=np.zeros((rows, module.cells)),
            last_ns=np.full(rows, -1, np.int64),
            fast_V=zero,
            slow_V=zero,
            unsettled_V=np.full(rows, _UNSETTLED_V),
            gain_cov=zero,
            offset_cov=zero,
            curve_cov=zero,
            resistance_cov=zero,
            apart_sd=np.full(rows, _START_APART_SD),
            apart_curve_cov=zero,
            apart_resistance_cov=zero,
        )

    def step(
        self,
        estimate: KalmanEstimate,
        measured: Measured,
        balancing_A: FloatArray,
        condition: Condition,
        module: ModuleData,
    ) -> KalmanEstimate:
        """Count, then correct the mean cell and the cells' distances from it."""
        elapsed_s = np.where(estimate.last_ns < 0, 0, measured.time_ns - estimate.last_ns) * 1e-9
        circuit = _circuit(estimate, measured, elapsed_s, condition, module)
        counted = self._count(estimate, measured, balancing_A, elapsed_s / (3600.0 * condition.capacity_Ah))
        counted = self._forget(counted, circuit, elapsed_s)
        beside_V = measured.voltage_V - module.ocv.nearest_V(counted.cell_soc)
        mean_V = cell_mean(beside_V)
        chord = _chord(module.ocv, counted)
        noise = self._noise(circuit, elapsed_s, module)
        mean = self._correct(counted, mean_V + circuit.lost_V, chord, circuit, noise, measured.fresh)
        return self._set_apart(mean, beside_V - mean_V[:, None], chord, circuit, measured.fresh)

    def _count(
        self, before: KalmanEstimate, measured: Measured, balancing_A: FloatArray, soc_A: FloatArray
    ) -> KalmanEstimate:
        """Move charge; ``soc_A``: SOC that an ampere takes in the time since the last sample."""
        bled_A = cell_mean(balancing_A)
        moved = -(measured.current_A + bled_A) * soc_A
        by_gain, by_offset = self.gain_sd * moved, -self.offset_sd_A * soc_A
        variance = (
            before.soc_sd * before.soc_sd
            + 2.0 * (by_gain * before.gain_cov + by_offset * before.offset_cov)
            + by_gain * by_gain
            + by_offset * by_offset
        )
        return replace(
            before,
            soc=before.soc + moved,
            soc_sd=np.sqrt(np.maximum(variance, 0.0)),
            apart=before.apart - (balancing_A - bled_A[:, None]) * soc_A[:, None],
            last_ns=measured.time_ns,
            gain_cov=before.gain_cov + by_gain,
            offset_cov=before.offset_cov + by_offset,
            apart_sd=before.apart_sd + self.cell_capacity_sd * np.abs(moved),
        )

    def _forget(self, counted: KalmanEstimate, circuit: _Circuit, elapsed_s: FloatArray) -> KalmanEstimate:
        """Let what was learnt of the curve's error fade: where the SOC is now, it may be another one."""
        kept = np.exp(-elapsed_s / self.curve_s)
        return replace(
            counted,
            fast_V=circuit.fast_V,
            slow_V=circuit.slow_V,
            unsettled_V=circuit.unsettled_V,
            curve_cov=counted.curve_cov * kept,
            apart_curve_cov=counted.apart_curve_cov * kept,
        )

    def _noise(self, circuit: _Circuit, elapsed_s: FloatArray, module: ModuleData) -> FloatArray:
        """Return the variance of what is new in a sample, V^2.

        Unsettled polarisation is the same for about ``slow_s``: in that time it counts once.
        """
        repeats = 1.0 + 2.0 * module.slow_s / np.maximum(elapsed_s, 1.0)
        return self.voltage_sd_V**2 + circuit.unsettled_V * circuit.unsettled_V * repeats

    def _correct(
        self,
        counted: KalmanEstimate,
        surplus_V: FloatArray,
        chord: _Chord,
        circuit: _Circuit,
        noise: FloatArray,
        fresh: NDArray[np.bool_],
    ) -> KalmanEstimate:
        """Correct the mean cell by the voltage that the model has not foreseen."""
        slope_V = chord.slope_V
        curve_V, resistance_V = self.curve_sd_V, -self.resistance_sd * circuit.lost_V
        variance = counted.soc_sd * counted.soc_sd
        model = curve_V * counted.curve_cov + resistance_V * counted.resistance_cov
        shared = np.maximum(slope_V * variance + model, 0.0)
        bend_V2 = chord.bend_V * chord.bend_V
        expected = slope_V * (shared + model) + curve_V**2 + resistance_V * resistance_V + noise + bend_V2 * (2.0 / 9.0)
        new_V = surplus_V - chord.bend_V * (1.0 / 3.0)
        gain = np.where(fresh, shared / np.maximum(expected, new_V * new_V * (1.0 / _FAR)), 0.0)
        variance = variance - gain * (2.0 * shared - gain * expected)
        left = 1.0 - gain * slope_V
        return replace(
            counted,
            soc=np.minimum(np.maximum(counted.soc + gain * new_V, 0.0), 1.0),
            soc_sd=np.sqrt(np.maximum(variance, 0.0)),
            gain_cov=left * counted.gain_cov,
            offset_cov=left * counted.offset_cov,
            curve_cov=left * counted.curve_cov - gain * curve_V,
            resistance_cov=left * counted.resistance_cov - gain * resistance_V,
        )

    def _set_apart(
        self,
        mean: KalmanEstimate,
        apart_V: FloatArray,
        chord: _Chord,
        circuit: _Circuit,
        fresh: NDArray[np.bool_],
    ) -> KalmanEstimate:
        """Correct the cells' distances by those of their voltages."""
        slope_V = chord.slope_V
        curve_V, resistance_V = self.cell_curve_sd_V, -self.cell_resistance_sd * circuit.lost_V
        variance = mean.apart_sd * mean.apart_sd
        model = curve_V * mean.apart_curve_cov + resistance_V * mean.apart_resistance_cov
        shared = np.maximum(slope_V * variance + model, 0.0)
        expected = slope_V * (shared + model) + curve_V**2 + resistance_V * resistance_V + self.voltage_sd_V**2
        gain = np.where(fresh, shared / expected, 0.0)
        left = 1.0 - gain * slope_V
        return replace(
            mean,
            apart=mean.apart + gain[:, None] * apart_V,
            apart_sd=np.sqrt(np.maximum(variance - gain * shared, 0.0)),
            apart_curve_cov=left * mean.apart_curve_cov - gain * curve_V,
            apart_resistance_cov=left * mean.apart_resistance_cov - gain * resistance_V,
        )


def _circuit(
    before: KalmanEstimate, measured: Measured, elapsed_s: FloatArray, condition: Condition, module: ModuleData
) -> _Circuit:
    """Return the voltages over the resistances, after ``measured.current_A`` has flowed for ``elapsed_s``."""
    colder = 1.0 / cell_mean(measured.temperature_K) - 1.0 / module.reference_K
    ohmic = condition.resistance_factor * np.exp(module.ohmic_activation_K * colder)
    polarising = condition.resistance_factor * np.exp(module.polarisation_activation_K * colder)
    fast, slow = np.exp(-elapsed_s / module.fast_s), np.exp(-elapsed_s / module.slow_s)
    current_A = measured.current_A
    polarising_A = polarising * current_A
    fast_V = fast * before.fast_V + (1.0 - fast) * module.fast_ohm * polarising_A
    slow_V = slow * before.slow_V + (1.0 - slow) * module.slow_ohm * polarising_A
    lost_V = fast_V + slow_V + module.ohmic_ohm * ohmic * current_A
    return _Circuit(fast_V, slow_V, lost_V, slow * before.unsettled_V)


def _chord(ocv: OcvCurve, counted: KalmanEstimate) -> _Chord:
    """Return slope and bend of the curve over what the SOC may be."""
    half = np.maximum(_WIDE * counted.soc_sd, 1e-3)
    above = np.minimum(counted.soc + half, 1.0 + half * 0.1)
    below = np.maximum(counted.soc - half, -half * 0.1)
    above_V, here_V, below_V = ocv.voltage_V(above), ocv.voltage_V(counted.soc), ocv.voltage_V(below)
    return _Chord((above_V - below_V) / (above - below), 0.5 * (above_V + below_V) - here_V)
