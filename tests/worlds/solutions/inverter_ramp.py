"""The inverter's ramp in closed form: upwards the gap's hyperbolic sine falls exponentially, downwards the gap itself.

``dp/dt = r tanh((L - p) / (r T))`` below the limit L, ``(L - p) / T`` above it.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

RAMP_W_S = 500.0
FOLLOW_S = 0.5
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Inputs:
    """What the inverter is told, by the names of the FMU's variables."""

    charge_A: float
    discharge_A: float
    voltage_V: float
    age_s: float
    activation: float


def allowed_W(inputs: Inputs) -> FloatArray:
    """Return what the battery allows, charging and discharging; nothing once its word is too old."""
    charge_A, discharge_A, voltage_V, age_s, _ = astuple(inputs)
    return np.array([charge_A, discharge_A]) * np.floor(voltage_V) * (age_s < TIMEOUT_S)


def step(ramp_W: FloatArray, limit_W: FloatArray, step_s: float) -> FloatArray:
    """Return what the ramp has come to after a step of a constant limit."""
    width_W, fallen = RAMP_W_S * FOLLOW_S, np.exp(-step_s / FOLLOW_S)
    gap_W = limit_W - ramp_W
    rising = width_W * np.arcsinh(np.sinh(np.maximum(gap_W, 0.0) / width_W) * fallen)
    gap: FloatArray = np.where(gap_W > 0.0, rising, gap_W * fallen)
    return limit_W - gap


def outputs(inputs: Inputs, ramp_W: FloatArray) -> dict[str, object]:
    """Return the outputs by the names of the FMU's variables."""
    return {"power_limit_W": np.minimum(ramp_W, allowed_W(inputs)), "counter": inputs.activation % 256}
