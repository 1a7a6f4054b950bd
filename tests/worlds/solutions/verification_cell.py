"""The verification cell solved by SciPy; its parameters are read from ``data/cells``."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853

from twin import resources

FloatArray = NDArray[np.float64]


@cache
def parameters() -> dict[str, Any]:
    """Return the parameter set of the cell."""
    return dict(json.loads((resources.folder("data") / "cells" / "verification_cell.json").read_text()))


@cache
def _ocv_table() -> tuple[FloatArray, FloatArray]:
    path = resources.folder("data") / "cells" / "ocv_lfp_prada2013.csv"
    soc, ocv = np.loadtxt(path, delimiter=",", skiprows=1).T
    return soc, ocv


def derivatives(current_A: float, ambient_K: float, state: FloatArray) -> FloatArray:
    """Return the derivative of ``state``: soc, overvoltage, temperatures of cell and jig."""
    p = parameters()
    _, u1, cell_K, jig_K = state
    to_jig = p["h_cell_jig_W_K"] * (cell_K - jig_K)
    heat = current_A**2 * p["R0_ohm"] + u1**2 / p["R1_ohm"] - current_A * cell_K * p["dUdT_V_K"]
    return np.array(
        [
            -current_A / (3600 * p["Q_Ah"]),
            current_A / p["C1_F"] - u1 / (p["R1_ohm"] * p["C1_F"]),
            (heat - to_jig) / p["C_th_J_K"],
            (to_jig - p["h_jig_air_W_K"] * (jig_K - ambient_K)) / p["C_jig_J_K"],
        ]
    )


def start(soc: float = 1.0, temperature_K: float = 298.15) -> FloatArray:
    """Return the state at time 0."""
    return np.array([soc, 0.0, temperature_K, temperature_K])


def step(current_A: float, ambient_K: float, state: FloatArray, step_s: float) -> FloatArray:
    """Return the state after a step of constant inputs, to a relative tolerance of 1e-12 (DOP853)."""
    solver = DOP853(lambda _, x: derivatives(current_A, ambient_K, x), 0.0, state, step_s, rtol=1e-12, atol=1e-14)
    while solver.status == "running":
        solver.step()
    assert solver.status == "finished"
    return solver.y


def outputs(current_A: float, state: FloatArray) -> dict[str, float]:
    """Return the outputs by the names of the FMU's variables; within 0 and 1 the table is piecewise linear."""
    soc, u1, cell_K, jig_K = state
    voltage = np.interp(soc, *_ocv_table()) - u1 - parameters()["R0_ohm"] * current_A
    return {"voltage_V": float(voltage), "soc": soc, "temperature_K": cell_K, "jig_temperature_K": jig_K}
