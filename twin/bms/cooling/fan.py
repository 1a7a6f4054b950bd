"""A fan that is on or off, with hysteresis."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from twin.bms.cooling.cooling import Cooling, FloatArray
from twin.quantity import Kelvin


class Fan(Cooling):
    """Switches on at one temperature of the hottest cell, off at a lower one."""

    kind: Literal["fan"] = "fan"
    on_K: Annotated[Kelvin, Field(gt=200, lt=500)] = 308.15
    """On from here: 35 degC, the upper end of what Li-ion cells should work at (A. Pesaran et al., NREL/PR-5400-58145,
    2013: 15 to 35 degC)."""
    off_K: Annotated[Kelvin, Field(gt=200, lt=500)] = 303.15
    """Off from here down (chosen: some minutes of hysteresis)."""
    flow: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Relative flow while it is on."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.off_K >= self.on_K:
            raise ValueError(f"found off_K {self.off_K:g}; expected less than on_K, {self.on_K:g}")
        return self

    def step(self, flow: FloatArray, hottest_K: FloatArray, elapsed_s: FloatArray) -> FloatArray:  # noqa: ARG002
        """Switch."""
        on = np.where(flow > 0.0, hottest_K > self.off_K, hottest_K >= self.on_K)
        return np.where(on, self.flow, 0.0)
