"""What is told of a scenario's length before it runs: time and sites count, and ECUs more than modules."""

from __future__ import annotations

import pytest

from twin.scenario import load
from twin.scenario.size import size_of


def _size(*changes: str) -> float:
    return size_of(load("one_home", changes))


def test_time_and_sites_count_in_full() -> None:
    once = _size("duration_s=3600", "fleet.sites=1")
    assert _size("duration_s=7200", "fleet.sites=1") == pytest.approx(2 * once)
    assert _size("duration_s=3600", "fleet.sites=5") == pytest.approx(5 * once)


def test_a_module_with_an_ecu_counts_for_more() -> None:
    """Sixteen more modules, in the scenario of the study of architectures, took 1.4 s of one core, or 27 to 32."""
    grown = {
        architecture: _size(f"bms.architecture={architecture}", "fleet.modules=16")
        / _size(f"bms.architecture={architecture}", "fleet.modules=2")
        for architecture in ("centralized", "distributed", "hybrid")
    }
    assert grown["centralized"] < 2.0
    assert min(grown["distributed"], grown["hybrid"]) > 4.0
