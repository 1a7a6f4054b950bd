"""State of charge by an extended Kalman filter that knows how wrong its model may be.

Between samples it counts charge; then the cells' voltages correct the count, as far as they say more than the model is
wrong. On the plateau of LFP they rarely do: a millivolt is some per cent of charge there, and the error of a model is
no noise that averages out. So the gain (over the capacity) and the offset of the current sensor, the error of the OCV
curve and that of the resistances are carried in the covariance without being estimated (Schmidt's consider states):
however often the filter looks at a flat stretch, it does not become surer than the curve is good.

The OCV's slope is that of a chord as wide as the uncertainty, and its bend adds to the noise (central differences): at
a knee, a tangent knows nothing of the bend beside it.

One filter follows the module's mean cell, a second one by how much each cell lies apart from it (Plett's bar-delta);
what lies apart sums up to nothing, or it would drag the mean along.

Sources: G. L. Plett, Battery Management Systems, vol. 2, Artech House 2015, ch. 3 (filters; 3.13 bar-delta);
S. F. Schmidt, Application of state-space methods to navigation problems, Advances in Control Systems 3 (1966);
M. Norgaard, N. K. Poulsen, O. Ravn, Automatica 36 (2000) 1627 (central differences; a chord of sqrt 3 deviations).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from twin.bms.estimators.cell_mean import cell_mean
from twin.bms.estimators.circuit import Circuit
from twin.bms.estimators.estimator import UNKNOWN_SOC_SD, Condition, Estimate, Estimator, FloatArray, IntArray
from twin.bms.measured import Measured
from twin.bms.module_data import ModuleData
from twin.bms.ocv import OcvCurve
from twin.quantity import Amperes, Volts

_UNKNOWN_APART_SD = 0.02
"""Of cells' SOC among each other, before anything is known of it, and at most: balancing sees to that."""
_UNSETTLED_V = 0.02
"""Polarisation that may be left at power-on, when nobody knows what flowed before: 110 A on the slow RC pair."""
_WIDE = float(np.sqrt(3.0))
"""Half a chord over the standard deviation: the root of a Gaussian's kurtosis."""
_NARROW = 1e-3
"""Least half chord, some points of the curve's table."""
_FAR = 3.0
"""What lies further off than so many standard deviations is believed as if it were as uncertain as that."""

_FARTHEST = 0.2
"""Most that a cell is believed to lie apart from the mean: more is a sensor's fault."""
_AS_FORESEEN = np.zeros(1)


@dataclass(frozen=True)
class ModelError:
    """Covariances of the SOC's error with errors of the model, over the standard deviation of the latter, ``[row]``."""

    curve: FloatArray
    resistance: FloatArray

    @classmethod
    def none(cls, rows: int) -> ModelError:
        """Return what an error has to do with the model's before anything was seen."""
        return cls(np.zeros(rows), np.zeros(rows))


@dataclass(frozen=True)
class KalmanEstimate(Estimate):
    """What the filter remembers beside the estimate, ``[row]`` each."""

    last_ns: IntArray
    """Time of the last sample, -1: none."""
    circuit: Circuit
    unsettled_V: FloatArray
    """How much polarisation from before power-on may be left."""
    gain_cov: FloatArray
    """Covariance of the SOC's error with that of current over capacity, over the standard deviation of the latter."""
    offset_cov: FloatArray
    """Likewise, with the offset of the current sensor."""
    model: ModelError
    apart_sd: FloatArray
    """Standard deviation of ``apart``."""
    apart_model: ModelError


class _Counted(NamedTuple):
    """What counting charge makes of an estimate: ``[row]``, ``apart[row, cell]``."""

    soc: FloatArray
    soc_sd: FloatArray
    gain_cov: FloatArray
    offset_cov: FloatArray
    apart: FloatArray
    apart_sd: FloatArray
    kept: FloatArray
    """Of what was learnt of the curve's error: where the SOC is now, it may be another one."""


class _Correction(NamedTuple):
    """What a look makes of an uncertainty: the filter's gain, and how much of old covariances is left."""

    gain: FloatArray
    left: FloatArray
    sd: FloatArray
    model: ModelError


class _Look(NamedTuple):
    """How a voltage depends on the SOC, on errors of the model (in V a standard deviation), and on noise."""

    slope_V: FloatArray
    curve_V: float
    resistance_V: FloatArray
    noise_V2: FloatArray | float

    def moments(self, sd: FloatArray, model: ModelError) -> tuple[FloatArray, FloatArray]:
        """Return the voltage's covariance with the SOC's error, at least 0, and its variance."""
        slope_V, curve_V, resistance_V = self.slope_V, self.curve_V, self.resistance_V
        by_model = curve_V * model.curve + resistance_V * model.resistance
        shared_V = np.maximum(slope_V * (sd * sd) + by_model, 0.0)
        return shared_V, slope_V * (shared_V + by_model) + curve_V**2 + resistance_V * resistance_V + self.noise_V2

    def correct(self, sd: FloatArray, model: ModelError, new_V: FloatArray, fresh: NDArray[np.bool_]) -> _Correction:
        """Return the correction after ``new_V``, the part of a voltage that was not foreseen."""
        shared_V, expected_V2 = self.moments(sd, model)
        gain = np.where(fresh, shared_V / np.maximum(expected_V2, new_V * new_V * _FAR**-2), 0.0)
        left = 1.0 - gain * self.slope_V
        variance = sd * sd - gain * (2.0 * shared_V - gain * expected_V2)
        learnt = ModelError(
            left * model.curve - gain * self.curve_V, left * model.resistance - gain * self.resistance_V
        )
        return _Correction(gain, left, np.sqrt(np.maximum(variance, 0.0)), learnt)

    def cells_gain(
        self, sd: FloatArray, model: ModelError, slope_V: FloatArray, fresh: NDArray[np.bool_]
    ) -> FloatArray:
        """Return the gain of each cell on its own ``slope_V[row, cell]``: beside a knee, another's would overshoot."""
        each = ModelError(model.curve[:, None], model.resistance[:, None])
        look = _Look(slope_V, self.curve_V, self.resistance_V[:, None], self.noise_V2)
        shared_V, expected_V2 = look.moments(sd[:, None], each)
        return shared_V / expected_V2 * fresh[:, None]


class _Chord(NamedTuple):
    """The OCV curve as wide as the SOC is uncertain, ``[row]`` each."""

    slope_V: FloatArray
    bend_V: FloatArray
    """Mean of both ends less the middle."""

    @classmethod
    def of(cls, ocv: OcvCurve, soc: FloatArray, soc_sd: FloatArray) -> _Chord:
        half = np.maximum(_WIDE * soc_sd, _NARROW)
        above, below = np.minimum(soc + half, 1.0 + _NARROW), np.maximum(soc - half, -_NARROW)
        above_V, here_V, below_V = ocv.voltage_V(above), ocv.voltage_V(soc), ocv.voltage_V(below)
        return cls((above_V - below_V) / (above - below), 0.5 * (above_V + below_V) - here_V)


class KalmanFilter(Estimator[KalmanEstimate]):
    """Extended Kalman filter of the mean cell, and of each cell's distance from it."""

    kind: Literal["kalman"] = "kalman"
    voltage_sd_V: Annotated[Volts, Field(gt=0)] = 0.001
    """Noise of a cell's voltage, resolution included; what averages out."""
    curve_sd_V: Annotated[Volts, Field(ge=0)] = 0.003
    """Error of the OCV curve; what does not average out."""
    curve_span: Annotated[float, Field(gt=0)] = 0.2
    """So far away on the curve its error is another one: about the distance between the steps of graphite."""
    resistance_sd: Annotated[float, Field(ge=0)] = 0.1
    """Relative error of the model's resistances, beside that of the module's estimated condition."""
    gain_sd: Annotated[float, Field(ge=0)] = 0.01
    """Relative error of the current sensor."""
    offset_sd_A: Annotated[Amperes, Field(ge=0)] = 0.05
    """Offset of the current sensor."""
    cell_curve_sd_V: Annotated[Volts, Field(ge=0)] = 0.002
    """By how much cells' voltage sensors and curves differ from each other."""
    cell_resistance_sd: Annotated[float, Field(ge=0)] = 0.05
    """By how much cells' resistances differ."""
    cell_capacity_sd: Annotated[float, Field(ge=0)] = 0.02
    """By how much cells' capacities differ."""

    def initial(self, soc: FloatArray, module: ModuleData) -> KalmanEstimate:
        """Return the remembered SOC, good to 10 %, and all cells alike."""
        rows = len(soc)
        return KalmanEstimate(
            soc=soc.copy(),
            soc_sd=np.full(rows, UNKNOWN_SOC_SD),
            apart=np.zeros((rows, module.cells)),
            last_ns=np.full(rows, -1, np.int64),
            circuit=Circuit.resting(rows),
            unsettled_V=np.full(rows, _UNSETTLED_V),
            gain_cov=np.zeros(rows),
            offset_cov=np.zeros(rows),
            model=ModelError.none(rows),
            apart_sd=np.full(rows, _UNKNOWN_APART_SD),
            apart_model=ModelError.none(rows),
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
        count = self._count(estimate, measured.current_A, balancing_A, elapsed_s, condition)
        circuit = estimate.circuit.after(measured, elapsed_s, module)
        unsettled_V = estimate.unsettled_V * np.exp(elapsed_s * (-1.0 / module.slow_s))
        lost_V = circuit.lost_V * condition.resistance_factor
        model = ModelError(estimate.model.curve * count.kept, estimate.model.resistance)

        chord = _Chord.of(module.ocv, count.soc, count.soc_sd)
        cell_ocv_V, cell_slope_V = module.ocv.nearest(count.soc[:, None] + count.apart)
        beside_V = measured.voltage_V - cell_ocv_V
        mean_V = cell_mean(beside_V)
        noise_V2 = self.voltage_sd_V**2 + chord.bend_V * chord.bend_V * (2.0 / 9.0)
        noise_V2 += _repeated_V2(unsettled_V, elapsed_s, module.slow_s)
        resistance_sd = np.sqrt(self.resistance_sd**2 + condition.resistance_sd * condition.resistance_sd)
        look = _Look(chord.slope_V, self.curve_sd_V, -resistance_sd * lost_V, noise_V2)
        new_V = mean_V + lost_V - chord.bend_V * (1.0 / 3.0)
        mean = look.correct(count.soc_sd, model, new_V, measured.fresh)
        look = _Look(chord.slope_V, self.cell_curve_sd_V, -self.cell_resistance_sd * lost_V, self.voltage_sd_V**2)
        apart = look.correct(count.apart_sd, estimate.apart_model, _AS_FORESEEN, measured.fresh)
        cell_gain = look.cells_gain(count.apart_sd, estimate.apart_model, cell_slope_V, measured.fresh)
        corrected = count.apart + cell_gain * (beside_V - mean_V[:, None])
        corrected = np.minimum(np.maximum(corrected, -_FARTHEST), _FARTHEST)
        return KalmanEstimate(
            soc=np.minimum(np.maximum(count.soc + mean.gain * new_V, 0.0), 1.0),
            soc_sd=mean.sd,
            apart=corrected - cell_mean(corrected)[:, None],
            last_ns=measured.time_ns,
            circuit=circuit,
            unsettled_V=unsettled_V,
            gain_cov=mean.left * count.gain_cov,
            offset_cov=mean.left * count.offset_cov,
            model=mean.model,
            apart_sd=apart.sd,
            apart_model=apart.model,
        )

    def _count(
        self,
        before: KalmanEstimate,
        current_A: FloatArray,
        balancing_A: FloatArray,
        elapsed_s: FloatArray,
        condition: Condition,
    ) -> _Counted:
        """Move charge; its error grows with what has moved and with time, and shrinks when charge moves back."""
        soc_A = elapsed_s / (3600.0 * condition.capacity_Ah)
        bled_A = cell_mean(balancing_A)
        moved = -(current_A + bled_A) * soc_A
        by_gain = moved * np.sqrt(self.gain_sd**2 + condition.capacity_sd * condition.capacity_sd)
        by_offset = -self.offset_sd_A * soc_A
        variance = before.soc_sd * before.soc_sd
        variance += by_gain * (2.0 * before.gain_cov + by_gain) + by_offset * (2.0 * before.offset_cov + by_offset)
        return _Counted(
            soc=before.soc + moved,
            soc_sd=np.sqrt(np.maximum(variance, 0.0)),
            gain_cov=before.gain_cov + by_gain,
            offset_cov=before.offset_cov + by_offset,
            apart=before.apart - (balancing_A - bled_A[:, None]) * soc_A[:, None],
            apart_sd=np.minimum(before.apart_sd + self.cell_capacity_sd * np.abs(moved), _UNKNOWN_APART_SD),
            kept=np.exp(np.abs(moved) * (-1.0 / self.curve_span)),
        )


def _repeated_V2(error_V: FloatArray, elapsed_s: FloatArray, lasts_s: float) -> FloatArray:
    """Return the variance with which each sample of an error that lasts must count for all together to count once."""
    return error_V * error_V * (1.0 + 2.0 * lasts_s / np.maximum(elapsed_s, 1.0))
