"""Fleets from scenarios: seeded, the same alone and together, with the spread that was asked for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin import resources
from twin.errors import InputError
from twin.plant.action import Action
from twin.plant.ageing.naumann import resistance_growth
from twin.scenario import Fleet, Scenario, expand, load
from twin.scenario.spread import CellSpread, Draws, ResistanceFactor, StateOfCharge

GOLDEN = Path(__file__).parents[1] / "golden"
HOUR_NS = 3600 * 10**9


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load(resources.folder("scenarios") / "home_fleet.yaml", ["fleet.sites=20"])


@pytest.fixture(scope="module")
def fleet(scenario: Scenario) -> Fleet:
    return expand(scenario)


def _arrays(fleet: Fleet) -> dict[str, np.ndarray[Any, Any]]:
    """Return every value of a fleet, by name, axis 0 the site."""
    names = ("site_ids", "capacity_Ah", "resistance_factor", "soc_start", "temperature_start_K")
    series = {"load": fleet.load, "pv": fleet.pv, "ambient": fleet.ambient}
    times_ns = [minute * 60 * 10**9 + 1 for minute in range(0, 720, 7)]
    return {
        **{name: getattr(fleet, name) for name in names},
        **{name: np.stack([one.at(time_ns) for time_ns in times_ns], axis=1) for name, one in series.items()},
    }


def _checksum(values: np.ndarray[Any, Any]) -> str:
    # Six digits: what a library's sine or a processor does to the last bits is no change of the fleet.
    return hashlib.sha256(" ".join(f"{value:.6g}" for value in values.ravel()).encode()).hexdigest()


def test_a_seed_makes_the_stored_fleet() -> None:
    stored = json.loads((GOLDEN / "fleet.json").read_text())
    arrays = _arrays(expand(load(GOLDEN / "fleet.yaml")))
    assert {name: float(values.mean()) for name, values in arrays.items()} == pytest.approx(stored["mean"], rel=1e-3)
    del arrays["pv"]  # its digits are pvlib's, whose version is not fixed
    assert {name: _checksum(values) for name, values in arrays.items()} == stored["sha256"]


@settings(max_examples=10, deadline=None)
@given(sites=st.lists(st.integers(0, 19), min_size=1, max_size=6, unique=True))
def test_sites_have_the_same_bits_in_any_company(scenario: Scenario, fleet: Fleet, sites: list[int]) -> None:
    some, every = _arrays(expand(scenario, sites)), _arrays(fleet)
    for name, values in some.items():
        np.testing.assert_array_equal(values, every[name][sites], err_msg=name)


def test_a_larger_fleet_begins_with_the_smaller_one(scenario: Scenario, fleet: Fleet) -> None:
    larger = scenario.model_copy(update={"fleet": scenario.fleet.model_copy(update={"sites": 25})})
    for name, values in _arrays(expand(larger)).items():
        np.testing.assert_array_equal(values[:20], _arrays(fleet)[name], err_msg=name)


def test_another_seed_is_another_fleet(scenario: Scenario, fleet: Fleet) -> None:
    other = expand(scenario.model_copy(update={"seed": 1}))
    assert not (other.soc_start == fleet.soc_start).any()


def test_what_a_fleet_is_made_of(fleet: Fleet) -> None:
    assert fleet.wiring.sites == 20
    assert fleet.capacity_Ah.shape == fleet.resistance_factor.shape == fleet.soc_start.shape == (20, 2, 16)
    assert fleet.temperature_start_K.shape == (20, 2)
    assert (fleet.duration_ns, fleet.step_ns, fleet.ticks) == (24 * HOUR_NS, 10**9, 86400)


def test_faults_land_on_their_cells(scenario: Scenario, fleet: Fleet) -> None:
    healthy = expand(scenario.model_copy(update={"faults": []}))
    ratio = fleet.capacity_Ah / healthy.capacity_Ah
    assert np.argwhere(ratio != 1.0).tolist() == [[1, 1, 4]]
    assert ratio[1, 1, 4] == pytest.approx(0.85)
    assert (fleet.resistance_factor / healthy.resistance_factor)[1, 1, 4] == pytest.approx(2.0)
    heat = [
        (action.time_ns, action.site, action.slot, action.cell, action.value)
        for action in fleet.actions
        if isinstance(action, Action)
    ]
    assert heat == [(4 * HOUR_NS, 3, 0, 9, 200.0), (4 * HOUR_NS + 1800 * 10**9, 3, 0, 9, 0.0)]


def test_actions_name_the_row(scenario: Scenario) -> None:
    assert [action.site for action in expand(scenario, [5, 3]).actions] == [1, 1]
    assert expand(scenario, [5]).actions == ()


@pytest.mark.parametrize("sites", [[20], [-1], [1, 1], []])
def test_sites_that_do_not_exist(scenario: Scenario, sites: list[int]) -> None:
    with pytest.raises(InputError, match="found site"):
        expand(scenario, sites)


def test_resistance_grows_with_lost_capacity() -> None:
    # Naumann et al. 2018 at 25 degC and half charge: after 20 years, 6.311e8 s.
    time_s = 6.311e8
    lost = 1.2571e-5 * 0.60225 * np.sqrt(time_s)
    assert resistance_growth(np.array([1.0]))[0] == 1.0
    assert resistance_growth(np.array([1.0 - lost]))[0] == pytest.approx(1.0 + 3.4194e-10 * 1.5604 * time_s)


SPREADS: dict[str, CellSpread] = {
    "wide bounds": ResistanceFactor(mean=1.0, sd=0.05, cell_sd=0.02),
    "only sites": ResistanceFactor(mean=1.0, sd=0.05),
    "only cells": ResistanceFactor(mean=1.0, cell_sd=0.02),
}


@pytest.mark.parametrize("spread", SPREADS.values(), ids=SPREADS.keys())
def test_spread_is_as_wide_as_asked(spread: CellSpread) -> None:
    sites, cells = 400, 16
    values = Draws(5, tuple(range(sites))).per_cell(spread, "x", (cells,))
    centres = Draws(5, tuple(range(sites))).per_site(spread, "x")
    # A normal distribution cut at three deviations has 0.9866 of its deviation; 4 standard errors.
    for sample, sd in ((centres - spread.mean, spread.sd), (values - centres[:, None], spread.cell_sd)):
        assert abs(sample.mean()) <= 4 * sd / np.sqrt(sample.size)
        assert sample.std() == pytest.approx(0.9866 * sd, rel=4 / np.sqrt(2 * sample.size))
        assert np.abs(sample).max() <= 3 * sd


@pytest.mark.parametrize("mean", [0.02, 0.98])
def test_spread_ends_at_the_bounds(mean: float) -> None:
    values = Draws(5, tuple(range(200))).per_cell(StateOfCharge(mean=mean, sd=0.05, cell_sd=0.05), "soc", (2, 16))
    from_bound = np.minimum(values, 1.0 - values)
    assert 0.0 <= from_bound.min() < 0.01
    assert 0.1 < from_bound.max() < 0.3
    assert len(np.unique(values)) == values.size, "nobody is clipped to the bound"


def test_more_spread_stretches_and_does_not_shuffle() -> None:
    narrow, wide = (Draws(5, (0, 1)).per_cell(ResistanceFactor(cell_sd=sd), "x", (16,)) - 1.0 for sd in (0.01, 0.02))
    np.testing.assert_allclose(wide, 2.0 * narrow, rtol=0, atol=1e-14)
