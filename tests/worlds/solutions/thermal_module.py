"""The thermal module solved exactly: linear for constant inputs, so a step is a matrix exponential."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

FloatArray = NDArray[np.float64]

CELLS = 16
CELL_J_K, HOUSING_J_K = 6300.0, 9800.0
CELL_CELL_W_K, CELL_HOUSING_W_K, END_PLATE_W_K = 0.36, 2.5, 0.7
HOUSING_AMBIENT_W_K, FORCED_W_K = 7.8, 1.1


@dataclass(frozen=True)
class Inputs:
    """Held over a step; ``heat_W`` has one element a cell."""

    heat_W: FloatArray
    board_heat_W: float
    ambient_K: float
    cooling: float


def conductances(cooling: float) -> FloatArray:
    """Return the conductances between all bodies, W/K: the cells, the housing, the surroundings."""
    g = np.zeros((CELLS + 2, CELLS + 2))
    housing, ambient = CELLS, CELLS + 1
    for cell in range(CELLS):
        g[cell, housing] = CELL_HOUSING_W_K + (END_PLATE_W_K if cell in (0, CELLS - 1) else 0.0)
        g[cell, ambient] = FORCED_W_K * cooling
    for cell in range(CELLS - 1):
        g[cell, cell + 1] = CELL_CELL_W_K
    g[housing, ambient] = HOUSING_AMBIENT_W_K
    return g + g.T


def step(inputs: Inputs, temperature_K: FloatArray, step_s: float) -> FloatArray:
    """Return the temperatures of cells and housing after a step of constant inputs."""
    g = conductances(inputs.cooling)
    laplacian = np.diag(g.sum(axis=1)) - g
    capacity = np.array([CELL_J_K] * CELLS + [HOUSING_J_K])
    heat = np.array([*inputs.heat_W, inputs.board_heat_W]) + g[:-1, -1] * inputs.ambient_K
    # d(T, 1)/dt = [[-L/C, heat/C], [0, 0]] (T, 1)
    matrix = np.zeros((CELLS + 2, CELLS + 2))
    matrix[:-1, :-1] = -laplacian[:-1, :-1] / capacity[:, None]
    matrix[:-1, -1] = heat / capacity
    return (expm(matrix * step_s) @ np.append(temperature_K, 1.0))[:-1]
