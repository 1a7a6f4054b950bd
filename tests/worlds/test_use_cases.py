"""The four use cases: each runs, short and small, with every architecture, and its battery does what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from twin.bms.events import Event
from twin.build import build
from twin.log import Log
from twin.run import Run
from twin.scenario import load

ARCHITECTURES = ("centralized", "distributed", "hybrid")
NAMES = ("guangzhou_home", "arbitrage", "grid_service", "remote_fleet")


class _Kept:
    """A sink that keeps rows and the codes of events."""

    def __init__(self) -> None:
        self.rows: list[Mapping[str, Any]] = []
        self.codes: list[str] = []

    def append(self, time_ns: int, values: Mapping[str, Any]) -> None:
        # The log hands out the plant's own arrays.
        self.rows.append({name: np.copy(value) for name, value in values.items()})

    def event(self, event: Event) -> None:
        self.codes.append(event.code)

    def frames(self, site: int, columns: Mapping[str, Any]) -> None:
        raise AssertionError("no frames are logged")

    def table(self, name: str, columns: Mapping[str, Any]) -> None:
        assert name in ("bus", "bus_nodes")


@cache
def _run(name: str, architecture: str) -> _Kept:
    less = ("fleet.sites=1", "drawn=null", "record.period_s=5", "duration_s=150")
    scenario = load(name, (*less, f"bms.architecture={architecture}"))
    world, kept = build(scenario), _Kept()
    try:
        Run(world, Log(world, kept, 5 * 10**9)).execute()
    finally:
        world.close()
    return kept


@pytest.mark.parametrize("name", NAMES)
def test_what_matters_most_is_asked_for(name: str) -> None:
    scenario = load(name)
    assert scenario.use_case is not None
    assert getattr(scenario.rules, scenario.use_case.matters) is not None
    assert scenario.use_case.because


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", NAMES)
def test_the_battery_gives_what_is_asked(name: str, architecture: str) -> None:
    kept = _run(name, architecture)
    last = kept.rows[-1]
    assert "precharge_failed" not in kept.codes
    assert last["power_W"] == pytest.approx(last["request_W"], abs=1.0)
    assert len({float(row["request_W"][0]) for row in kept.rows[-13:]}) >= (1 if name == "arbitrage" else 2)


def test_what_is_asked_of_it() -> None:
    home, trade, grid, tower = (_run(name, "hybrid").rows[-1] for name in NAMES)
    for row in (home, tower):
        assert row["request_W"] == pytest.approx(row["load_W"] - row["pv_W"])
    assert trade["request_W"].tolist() == [-70_000.0], "the valley's last hours, and an empty battery"
    assert trade["tariff_price"].tolist() == [0.38]
    deviation_Hz = grid["grid_frequency_Hz"] - 50.0
    share = np.where(np.abs(deviation_Hz) <= 0.01, 0.0, -deviation_Hz / 0.2)
    assert grid["request_W"] == pytest.approx(60_000.0 * share, abs=1e-6)
