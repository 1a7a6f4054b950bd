"""When a fan with hysteresis switches, against the closed form: the thermal network is linear while it is on or off.

Between two switchings the temperatures are a matrix exponential (``tests/worlds/solutions/thermal_module.py``, which
shares no code with the FMU); the instant at which the hottest cell crosses a threshold is a root of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from tests.worlds.solutions import thermal_module
from twin.bms.cooling.fan import Fan
from twin.modelica.build import build
from twin.plant.backends import open_pool

FloatArray = NDArray[np.float64]

STEP_S = 10.0
DAY_S = 86_400.0
AMBIENT_K = 298.15
HEAT_W = np.where(np.arange(thermal_module.CELLS) == 5, 8.0, 6.0)


def _switchings_s(fan: Fan) -> list[float]:
    """Return when the fan switches, first on, in a day of the FMU that looks at its cells every step."""
    cells = range(1, thermal_module.CELLS + 1)
    inputs = [*(f"heat_W[{cell}]" for cell in cells), "ambient_K", "cooling"]
    pool = open_pool(build("module_thermal", "2.0"), 1, inputs, [f"temperature_K[{cell}]" for cell in cells])
    pool.inputs[0] = *HEAT_W, AMBIENT_K, 0.0
    pool.initialize({"temperature_start_K": AMBIENT_K})
    flow, elapsed_s, switched_s = np.zeros(1), np.full(1, STEP_S), []
    for time_s in np.arange(0.0, DAY_S, STEP_S):
        before, flow = flow, fan.step(flow, pool.outputs.max(axis=1), elapsed_s)
        if flow != before:
            switched_s.append(float(time_s))
        pool.inputs[0, -1] = flow[0]
        pool.step(time_s, STEP_S)
    return switched_s


def _after(temperature_K: FloatArray, flow: float, elapsed_s: float) -> FloatArray:
    return thermal_module.step(thermal_module.Inputs(HEAT_W, 0.0, AMBIENT_K, flow), temperature_K, elapsed_s)


def test_the_fan_switches_when_the_closed_form_says() -> None:
    fan = Fan(on_K=308.15, off_K=303.15)
    switched_s = _switchings_s(fan)
    assert len(switched_s) >= 6
    temperature_K, flow, last_s = np.full(thermal_module.CELLS + 1, AMBIENT_K), 0.0, 0.0
    for time_s in switched_s:
        threshold_K = fan.off_K if flow else fan.on_K

        def beyond_K(elapsed_s: float) -> float:
            return float(_after(temperature_K, flow, elapsed_s)[:-1].max() - threshold_K)  # noqa: B023

        crossed_s = last_s + brentq(beyond_K, 0.0, DAY_S, xtol=1e-6)
        assert 0.0 <= time_s - crossed_s <= STEP_S, f"at {time_s} s; the closed form says {crossed_s} s"
        temperature_K = _after(temperature_K, flow, time_s - last_s)
        flow, last_s = fan.flow - flow, time_s
