"""The mean over a module's cells, to the same bits whatever their order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_PARTS = float(1 << 24)
"""Of a volt or kelvin: 6e-8. Sums of such whole numbers are exact, so the order of the cells leaves no trace."""


def cell_mean(values: FloatArray) -> FloatArray:
    """Return the mean of ``values[row, cell]`` over the cells, ``[row]``, rounded to 6e-8 of their unit."""
    whole = np.rint(values * _PARTS)
    return np.einsum("ij->i", whole) * (1.0 / (_PARTS * values.shape[1]))
