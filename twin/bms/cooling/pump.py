"""A pump whose flow follows the temperature, between a lowest flow and full flow, no faster than it can change."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from twin.bms.cooling.cooling import Cooling, FloatArray
from twin.quantity import Hertz, Kelvin


class Pump(Cooling):
    """Starts at one temperature of the hottest cell with its lowest flow, reaches full flow at a higher one.

    It starts and stops between nothing and its lowest flow at once; above that, its flow changes by ``slew_Hz``.
    """

    kind: Literal["pump"] = "pump"
    stop_K: Annotated[Kelvin, Field(gt=200, lt=500)] = 301.15
    """Off from here down (chosen)."""
    start_K: Annotated[Kelvin, Field(gt=200, lt=500)] = 303.15
    """On from here (chosen: below the 35 degC at which Li-ion cells should work at most)."""
    full_K: Annotated[Kelvin, Field(gt=200, lt=500)] = 313.15
    """Full flow from here (chosen: below the first over-temperature level, 45 degC)."""
    lowest_flow: Annotated[float, Field(gt=0, le=1)] = 0.3
    """Relative flow below which it cannot run (assumed)."""
    slew_Hz: Annotated[Hertz, Field(gt=0)] = 0.05
    """Highest change of the relative flow in a second (assumed: 20 s from nothing to full flow)."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.stop_K < self.start_K < self.full_K:
            found = f"stop_K {self.stop_K:g}, start_K {self.start_K:g}, full_K {self.full_K:g}"
            raise ValueError(f"found {found}; expected rising")
        return self

    def step(self, flow: FloatArray, hottest_K: FloatArray, elapsed_s: FloatArray) -> FloatArray:
        """Follow the temperature."""
        on = np.where(flow > 0.0, hottest_K > self.stop_K, hottest_K >= self.start_K)
        share = (hottest_K - self.start_K) / (self.full_K - self.start_K)
        target = np.clip(self.lowest_flow + (1.0 - self.lowest_flow) * share, self.lowest_flow, 1.0)
        most = self.slew_Hz * elapsed_s
        changed = flow + np.clip(target - flow, -most, most)
        return np.where(on, np.maximum(changed, self.lowest_flow), 0.0)
