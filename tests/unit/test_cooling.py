"""Fan and pump: when they run, and how fast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import twin.bms.cooling
from twin.bms.cooling.cooling import Cooling
from twin.bms.cooling.fan import Fan
from twin.bms.cooling.none import NoCooling
from twin.bms.cooling.pump import Pump
from twin.plugins import discover

KINDS: dict[str, Any] = discover(twin.bms.cooling, Cooling)


def _flows(cooling: Cooling, hottest_C: list[float], elapsed_s: float = 1.0) -> list[float]:
    """Return the flow after each temperature, one a look."""
    flow, flows = np.zeros(1), []
    for temperature_C in hottest_C:
        flow = cooling.step(flow, np.array([temperature_C + 273.15]), np.full(1, elapsed_s))
        flows.append(round(float(flow[0]), 9))
    return flows


@pytest.mark.parametrize(
    ("cooling", "hottest_C", "flows"),
    [
        pytest.param(NoCooling(), [20, 60], [0, 0], id="none"),
        pytest.param(Fan(), [34.9, 35, 31, 30.1, 30, 34.9, 35], [0, 1, 1, 1, 0, 0, 1], id="fan"),
        pytest.param(Fan(flow=0.6), [40, 20], [0.6, 0], id="weak fan"),
        pytest.param(Pump(slew_Hz=1), [29.9, 30, 35, 40, 50], [0, 0.3, 0.65, 1, 1], id="pump follows"),
        pytest.param(Pump(slew_Hz=1), [30, 29, 28.1, 28, 29.9], [0.3, 0.3, 0.3, 0, 0], id="pump's hysteresis"),
        pytest.param(Pump(), [30, 50, 50, 20], [0.3, 0.35, 0.4, 0], id="pump's slew"),
        pytest.param(Pump(), [50, 50, 35, 35, 35], [0.3, 0.35, 0.4, 0.45, 0.5], id="pump begins at its lowest flow"),
    ],
)
def test_flow(cooling: Cooling, hottest_C: list[float], flows: list[float]) -> None:
    assert _flows(cooling, hottest_C) == flows


def test_slew_is_per_second() -> None:
    assert _flows(Pump(), [30, 50, 50], elapsed_s=4.0) == [0.3, 0.5, 0.7]


@pytest.mark.parametrize("kind", KINDS)
def test_flow_is_a_share_and_rows_do_not_touch(kind: str) -> None:
    hottest_K = np.linspace(260.0, 360.0, 101)
    flow, elapsed_s = np.linspace(0.0, 1.0, 101), np.full(101, 1.0)
    together = KINDS[kind]().step(flow, hottest_K, elapsed_s)
    alone = [KINDS[kind]().step(*(part[row : row + 1] for part in (flow, hottest_K, elapsed_s))) for row in range(101)]
    assert together.min() >= 0.0
    assert together.max() <= 1.0
    np.testing.assert_array_equal(together, np.concatenate(alone))


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("fan", {"on_K": 300, "off_K": "30 degC"}, "off_K 303.15; expected less"),
        ("pump", {"full_K": "30 degC"}, "expected rising"),
    ],
)
def test_thresholds_in_a_wrong_order_are_refused(kind: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        KINDS[kind](**options)
