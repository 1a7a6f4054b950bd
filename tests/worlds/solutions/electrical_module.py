"""The electrical module solved by SciPy: its equations written anew, its tables read from ``data/cells``.

Nothing here comes from the Modelica or from an FMU: what both say is compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853
from scipy.interpolate import CubicHermiteSpline

from twin import resources

FloatArray = NDArray[np.float64]

CELLS = 16
REFERENCE_K = 298.15
R0_OHM, R1_OHM, R2_OHM = 2.0e-4, 1.2e-4, 1.8e-4
TAU1_S, TAU2_S = 20.0, 300.0
ACTIVATION0_K, ACTIVATION12_K = 2000.0, 4000.0
COUNTERS = (
    *("board_heat_J", "delivered_Ah", "balanced_Ah", "bled_Ah", "lost_Ah"),
    *("stored_J", "delivered_J", "balanced_J", "short_heat_J", "contact_heat_J"),
)
"""What is counted of the module since the start."""


@dataclass(frozen=True)
class Parameters:
    """Of one module; arrays have one element a cell."""

    capacity_Ah: FloatArray
    resistance_factor: FloatArray
    soc_start: FloatArray
    self_discharge_A: FloatArray
    bleed_ohm: float


@dataclass(frozen=True)
class Inputs:
    """Held over a step; ``current_A`` is a number, the others have one element a cell."""

    current_A: float
    temperature_K: FloatArray
    bleed: FloatArray
    balancing_current_A: FloatArray
    short_S: FloatArray
    contact_ohm: FloatArray
    capacity_factor: FloatArray
    resistance_growth: FloatArray


@dataclass(frozen=True)
class Table:
    """Monotone cubic through evenly spaced points (Fritsch and Butland 1984), straight on beyond its ends."""

    inside: CubicHermiteSpline
    end_slopes: tuple[float, float]

    def __call__(self, soc: FloatArray) -> FloatArray:
        low, high = self.end_slopes
        beyond = np.minimum(soc, 0.0) * low + np.maximum(soc - 1.0, 0.0) * high
        return self.inside(np.clip(soc, 0.0, 1.0)) + beyond


def table(values: FloatArray) -> Table:
    """Return the interpolation of ``values`` over a state of charge from 0 to 1."""
    soc = np.linspace(0.0, 1.0, len(values))
    secants = np.diff(values) / np.diff(soc)
    left, right = secants[:-1], secants[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = np.where(left * right > 0, 2.0 / (1.0 / left + 1.0 / right), 0.0)
    slopes = np.concatenate([secants[:1], inner, secants[-1:]])
    return Table(CubicHermiteSpline(soc, values, slopes), (slopes[0], slopes[-1]))


@cache
def tables() -> dict[str, Table]:
    """Return the tables of ``data/cells``."""
    folder = resources.folder("data") / "cells"
    ocv = np.loadtxt(folder / "ocv_lfp_prada2013.csv", delimiter=",", skiprows=1)
    by_soc = np.loadtxt(folder / "lfp_by_soc.csv", delimiter=",", skiprows=1)
    columns = {"ocv": ocv[:, 1], "entropic": by_soc[:, 1], "ohmic": by_soc[:, 2], "polarisation": by_soc[:, 3]}
    return {name: table(values) for name, values in columns.items()}


def algebra(
    parameters: Parameters, inputs: Inputs, soc: FloatArray, u1: FloatArray, u2: FloatArray
) -> dict[str, FloatArray]:
    """Return all that the states and inputs determine, one element a cell.

    Kirchhoff's laws of each cell as one linear system in (voltage behind the contact, voltage, current of the
    electrodes), solved by numpy.
    """
    of = tables()
    warmth = 1.0 / inputs.temperature_K - 1.0 / REFERENCE_K
    entropic = of["entropic"](soc)
    ocv = of["ocv"](soc) + (inputs.temperature_K - REFERENCE_K) * entropic
    factor = parameters.resistance_factor * inputs.resistance_growth
    polarisation = of["polarisation"](soc) * np.exp(ACTIVATION12_K * warmth) * factor
    r0 = R0_OHM * np.exp(ACTIVATION0_K * warmth) * of["ohmic"](soc) * factor
    one, zero = np.ones(CELLS), np.zeros(CELLS)
    bleed_S = inputs.bleed / parameters.bleed_ohm
    matrix = np.array(
        [
            [one, zero, r0],  # v_inner + r0 i = ocv - u1 - u2
            [-one, 1 + inputs.contact_ohm * bleed_S, zero],  # v - v_inner + contact * (current through it) = 0
            [-inputs.short_S, -bleed_S, one],  # i - short v_inner - bleed v = current + balancing
        ]
    ).transpose(2, 0, 1)
    outside = inputs.current_A + inputs.balancing_current_A
    right = np.array([ocv - u1 - u2, -inputs.contact_ohm * outside, outside]).T
    v_inner, v, current = np.linalg.solve(matrix, right[..., None])[..., 0].T
    return {
        "voltage": v,
        "v_inner": v_inner,
        "current": current,
        "through_contact": outside + bleed_S * v,
        "bleed_current": bleed_S * v,
        "bleed_heat": bleed_S * v**2,
        "ocv": ocv,
        "entropic": entropic,
        "r0": r0,
        "r1": R1_OHM * polarisation,
        "r2": R2_OHM * polarisation,
    }


def derivatives(parameters: Parameters, inputs: Inputs, state: FloatArray) -> FloatArray:
    """Return the derivative of ``state``: soc, u1, u2 and heat of every cell, then ``COUNTERS``."""
    soc, u1, u2, _ = state[: 4 * CELLS].reshape(4, CELLS)
    a = algebra(parameters, inputs, soc, u1, u2)
    heat = (
        a["r0"] * a["current"] ** 2
        + u1**2 / a["r1"]
        + u2**2 / a["r2"]
        - a["current"] * inputs.temperature_K * a["entropic"]
        + inputs.contact_ohm * a["through_contact"] ** 2
        + inputs.short_S * a["v_inner"] ** 2
        + parameters.self_discharge_A * a["ocv"]
    )
    rates = [
        -(a["current"] + parameters.self_discharge_A) / (3600 * parameters.capacity_Ah * inputs.capacity_factor),
        (a["r1"] * a["current"] - u1) / TAU1_S,
        (a["r2"] * a["current"] - u2) / TAU2_S,
        heat,
        counted(parameters, inputs, a, u1, u2),
    ]
    return np.concatenate(rates)


def counted(
    parameters: Parameters, inputs: Inputs, a: dict[str, FloatArray], u1: FloatArray, u2: FloatArray
) -> FloatArray:
    """Return the rates of ``COUNTERS``, each over all cells.

    Energy is taken from the electrodes at the enthalpy of their reaction, ``OCV - T dOCV/dT``, but for self-discharge,
    and from the capacitors ``C = tau/R`` at ``u C du/dt``.
    """
    reaction = (a["ocv"] - inputs.temperature_K * a["entropic"]) * a["current"] + a["ocv"] * parameters.self_discharge_A
    capacitors = u1 / a["r1"] * (a["r1"] * a["current"] - u1) + u2 / a["r2"] * (a["r2"] * a["current"] - u2)
    return np.array(
        [
            a["bleed_heat"].sum(),
            inputs.current_A / 3600,
            inputs.balancing_current_A.sum() / 3600,
            a["bleed_current"].sum() / 3600,
            (parameters.self_discharge_A + inputs.short_S * a["v_inner"]).sum() / 3600,
            (capacitors - reaction).sum(),
            (a["voltage"] * inputs.current_A).sum(),
            (a["voltage"] * inputs.balancing_current_A).sum(),
            (inputs.short_S * a["v_inner"] ** 2).sum(),
            (inputs.contact_ohm * a["through_contact"] ** 2).sum(),
        ]
    )


def start(parameters: Parameters) -> FloatArray:
    """Return the state at time 0."""
    return np.concatenate([parameters.soc_start, np.zeros(3 * CELLS + len(COUNTERS))])


def step(parameters: Parameters, inputs: Inputs, state: FloatArray, step_s: float) -> FloatArray:
    """Return the state after a step of constant inputs, to a relative tolerance of 1e-12 (DOP853)."""
    solver = DOP853(
        lambda _, x: derivatives(parameters, inputs, x), 0.0, state, step_s, rtol=1e-12, atol=1e-13, first_step=step_s
    )
    while solver.status == "running":
        solver.step()
    assert solver.status == "finished"
    return solver.y


def outputs(parameters: Parameters, inputs: Inputs, state: FloatArray) -> dict[str, FloatArray]:
    """Return the outputs that do not speak of the linearisation, by the names of the FMU's variables."""
    soc, u1, u2, heat = state[: 4 * CELLS].reshape(4, CELLS)
    voltage = algebra(parameters, inputs, soc, u1, u2)["voltage"]
    return {
        "voltage_V": voltage.sum(keepdims=True),
        "cell_voltage_V": voltage,
        "soc": soc,
        "heat_J": heat,
        "charge_Ah": (parameters.capacity_Ah * inputs.capacity_factor * soc).sum(keepdims=True),
        **{name: state[4 * CELLS + place, None] for place, name in enumerate(COUNTERS)},
    }
