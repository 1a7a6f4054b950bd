"""No cooling but what the housing gives off."""

from __future__ import annotations

from typing import Literal

import numpy as np

from twin.bms.cooling.cooling import Cooling, FloatArray


class NoCooling(Cooling):
    """Neither fan nor pump."""

    kind: Literal["none"] = "none"

    def step(self, flow: FloatArray, hottest_K: FloatArray, elapsed_s: FloatArray) -> FloatArray:  # noqa: ARG002
        """Return no flow."""
        return np.zeros_like(flow)
