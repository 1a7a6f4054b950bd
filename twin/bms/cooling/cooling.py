"""What cooling is: from a module's hottest cell to the flow that is commanded of its fan or pump."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from twin.options import Options

FloatArray = NDArray[np.float64]


class Cooling(Options, ABC):
    """Base of the kinds of cooling; one is one file in this folder, found because it is there.

    The flow that was commanded last is all that is remembered; it starts at 0.
    """

    kind: str
    """Name of the kind; each class states its own."""

    @abstractmethod
    def step(self, flow: FloatArray, hottest_K: FloatArray, elapsed_s: FloatArray) -> FloatArray:
        """Return the flow 0..1 until the next look, ``[row]``, as are the flow until now and what is seen."""
