"""Racks of packs in series, and a stack of 819 V, under load in every architecture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.worlds.small_fleet import Kept, homes
from twin.plant.dc_bus import CLOSED

ARCHITECTURES = ("hybrid", "distributed", "centralized")
SHAPES = {"four packs of 205 V": (4, 4), "one stack of 819 V": (1, 16)}
POWER_W, DURATION_S = 60_000.0, 150


def _stack(architecture: str, packs: int, modules: int) -> Kept:
    spread = {"soc": {"mean": 0.5, "cell_sd": 0.01}}
    fleet: dict[str, Any] = {"packs": packs, "modules": modules, "connection": "series", "spread": spread}
    sections: dict[str, Any] = {"load": {"power_W": POWER_W}, "plant": {"inverter": {"rated_power_W": 100_000}}}
    return Kept(homes(architecture, duration_s=DURATION_S, fleet=fleet, **sections))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_starts_softly_and_carries_the_load(architecture: str, shape: str) -> None:
    packs, modules = SHAPES[shape]
    kept = _stack(architecture, packs, modules)
    current_A = kept.signal("current_A")[-1].reshape(packs, modules)
    bus_V, power_W = kept.signal("bus_voltage_V")[-1], kept.signal("power_W")[-1]
    assert power_W == pytest.approx(POWER_W)
    assert bus_V == pytest.approx(modules * 51.6, rel=0.01)
    np.testing.assert_allclose(current_A, current_A[:, :1].repeat(modules, axis=1), rtol=1e-12, err_msg="a string")
    assert current_A[:, 0].sum() * bus_V == pytest.approx(power_W, rel=1e-9)
    assert (kept.signal("module_state")[-1] == CLOSED).all()
    assert kept.signal("pack_state")[-1] == CLOSED
    assert kept.events(code="inrush") == []
    found = [one for one in kept.events() if one.source not in ("scenario", "plant", "network")]
    assert found == [], "a sound stack says nothing"
