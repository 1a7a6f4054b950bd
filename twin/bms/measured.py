"""What sensors say of modules, whoever reads them: a monitor on the module, or a controller that is wired to many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """Readings of modules, one a row: ``[row]`` or ``[row, cell]``.

    A broken sensor reads what a real one would (0 V, a rail, its last value): nothing is NaN.
    """

    time_ns: NDArray[np.int64]
    """When whoever reads looks at them."""
    voltage_V: FloatArray
    temperature_K: FloatArray
    current_A: FloatArray
    fresh: NDArray[np.bool_]
    """Not where the reading is the one of before: a scan that has not come round yet, a lost harness."""
