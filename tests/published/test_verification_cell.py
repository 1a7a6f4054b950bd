"""The verification cell at 1C, an hour long, against its exact solution (``cell_1C_discharge_exact.csv``).

The file holds the closed form: coulomb counting, the RC pair's exponential, and the linear thermal network's matrix
exponential. Its columns ``heatV1sqR1`` belong to the physical heat V1^2/R1, which the model has.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin.modelica.archive import Version
from twin.modelica.build import build
from twin.plant.backends import open_pool

EXACT = np.genfromtxt(Path(__file__).with_name("cell_1C_discharge_exact.csv"), delimiter=",", names=True)
OUTPUTS = ["voltage_V", "soc", "temperature_K", "jig_temperature_K"]


@pytest.mark.parametrize("fmi", ["2.0", "3.0"])
def test_an_hour_at_1C_is_the_exact_solution(fmi: Version) -> None:
    pool = open_pool(build("verification_cell", fmi), 1, ["current_A", "ambient_K"], OUTPUTS)
    pool.inputs[0] = 280.0, 298.15
    pool.initialize({"soc_start": 1.0})
    rows = [pool.outputs[0].copy()]
    for second in range(int(EXACT["time_s"][-1])):
        pool.step(float(second), 1.0)
        rows.append(pool.outputs[0].copy())
    voltage_V, soc, cell_K, jig_K = np.array(rows)[EXACT["time_s"].astype(int)].T

    assert np.abs(voltage_V - EXACT["V_V"]).max() < 10e-6
    assert np.abs(soc - EXACT["soc"]).max() < 1e-9
    assert np.abs(cell_K - 273.15 - EXACT["Tcell_degC_heatV1sqR1"]).max() < 1e-3
    assert np.abs(jig_K - 273.15 - EXACT["Tjig_degC_heatV1sqR1"]).max() < 1e-3
    assert np.abs(cell_K - 273.15 - EXACT["Tcell_degC_heatIV1"]).max() > 5e-3  # the other heat is another solution
