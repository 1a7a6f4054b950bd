"""Permuting cells, modules or sites permutes the results, nothing else: whole worlds of each architecture.

- Sites: to the bit, with noise, faults and spread on: nothing of a site depends on another one or on its row.
- Modules: to rounding, as sums over them are taken in another order; ECUs keep their clocks. Exceptions that are meant:
  the number decides who of peers pre-charges the link, who is more urgent on the bus, and whom a scan reads first.
- Cells: to rounding, if their row is turned round. In another order they are another battery, for neighbours warm each
  other: the same is decided then, and charge and voltages permute but for what that does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

import twin.build
from tests.worlds.small_fleet import Kept, homes
from twin.bms.events import Event
from twin.build import World, build
from twin.plant.action import Action
from twin.scenario import Fleet, Scenario, expand

ARCHITECTURES = ("hybrid", "distributed", "centralized")
HOT = {"kind": "over_temperature", "site": 0, "module": 1, "cell": 3, "start_s": 40, "heat_W": 20_000, "duration_s": 30}
EXACT = {"noise": 0.0, "resolution": 0.0}
SPREAD = {
    "capacity_Ah": {"mean": 314, "sd": 3, "cell_sd": 2},
    "resistance_factor": {"mean": 1, "sd": 0.05, "cell_sd": 0.02},
    "soc": {"mean": 0.94, "sd": 0.005, "cell_sd": 0.01},
}
BY_CELL = ("cell_voltage_V", "soc", "temperature_K", "bleed")
BY_MODULE = ("module_voltage_V", "current_A", "housing_K", "module_soc", "module_state", "module_soh", "level")
BY_SITE = ("power_W", "bus_voltage_V", "pack_soc", "pack_state", "discharge_limit_W")
TOLERANCE = 1e-10
"""Rounding: currents of 30 A differ by 7e-12 A, voltages and charge by less."""
PLACES, ROW = tuple(range(3)), tuple(range(16))


def _scenario(architecture: str, faults: Sequence[dict[str, Any]] = (HOT,), **spread: Any) -> Scenario:
    """Return homes with three modules under 4 kW that bleed their high cells, with sensors that do not err."""
    sensors = ("cell_voltage_V", "temperature_K", "current_A", "module_V", "link_V", "insulation_ohm")
    bms = {
        "sensors": dict.fromkeys(sensors, EXACT),
        "balancing": {"kind": "passive_voltage", "threshold_V": 0.002, "minimum_V": 3.2},
    }
    load = {"power_W": 4000}
    fleet = {"spread": {**SPREAD, **spread}}
    return homes(architecture, faults, 2, 75, bms=bms, load=load, fleet=fleet)


def _permuted(fleet: Fleet, slots: Sequence[int], cells: Sequence[int]) -> Fleet:
    """Return the fleet with module ``slots[place]`` in each place, and its cells likewise, faults and all."""
    of_cell = np.ix_(range(fleet.wiring.sites), slots, cells)
    names = ("capacity_Ah", "resistance_factor", "soc_start", "soh")
    arrays: dict[str, Any] = {name: getattr(fleet, name)[of_cell].copy() for name in names}
    actions = tuple(_moved(one, slots, cells) for one in fleet.actions if isinstance(one, Action))
    start_K = fleet.temperature_start_K[:, slots]
    return replace(fleet, **arrays, actions=actions, temperature_start_K=start_K)


def _moved(action: Action, slots: Sequence[int], cells: Sequence[int]) -> Action:
    return replace(action, slot=list(slots).index(action.slot), cell=list(cells).index(action.cell))


def _clocks(world: World, slots: Sequence[int]) -> None:
    """Give every module's ECU the clock of the module that is there now."""
    schedule, modules = world.controllers._schedule, len(slots)
    for clock in (schedule._next_ns, schedule._period_ns):
        if clock.shape[1] > modules:  # else there are no ECUs of modules
            clock[:, :modules] = clock[:, slots]


@cache
def _run(architecture: str, slots: tuple[int, ...] = PLACES, cells: tuple[int, ...] = ROW) -> Kept:
    scenario = _scenario(architecture)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twin.build, "REMEMBERED_SOC_SD", 0.0)  # else the draws belong to places
        patch.setattr(twin.build, "expand", lambda *some: _permuted(expand(*some), slots, cells))
        world = build(scenario)
    _clocks(world, slots)
    return Kept(scenario, world)


def _differs(straight: Kept, permuted: Kept, name: str, index: tuple[Any, ...]) -> float:
    """Return the largest difference of a signal over all sites and rows, the permuted run's indices turned back."""
    differences = []
    for site in range(2):
        one, other = (kept.signal(name, site).astype(float) for kept in (straight, permuted))
        turned = one[(slice(None), *index)]
        assert np.array_equal(np.isnan(turned), np.isnan(other)), name
        differences.append(np.nanmax(np.abs(turned - other)))
    return float(max(differences))


def _differ(straight: Kept, permuted: Kept, slots: Sequence[int], cells: Sequence[int]) -> dict[str, float]:
    every = dict.fromkeys(BY_SITE, ()) | dict.fromkeys(BY_MODULE, (slots,))
    found = {name: _differs(straight, permuted, name, index) for name, index in every.items()}
    turned = np.ix_(slots, cells)
    return found | {name: _differs(straight, permuted, name, turned) for name in BY_CELL}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sites_to_the_bit(architecture: str) -> None:
    scenario = homes(architecture, [{**HOT, "site": 1}], 4, 60, fleet={"spread": SPREAD})
    order = [2, 0, 3, 1]
    whole, permuted = Kept(scenario), Kept(scenario, build(scenario, order))
    for row, site in enumerate(order):
        for name in (*BY_CELL, *BY_MODULE, *BY_SITE):
            assert permuted.signal(name, row).tobytes() == whole.signal(name, site).tobytes(), name
        assert permuted.events(site) == whole.events(site)


@pytest.mark.parametrize(
    ("architecture", "slots"),
    [("hybrid", (2, 0, 1)), ("centralized", (2, 0, 1)), ("distributed", (0, 2, 1))],
)
def test_modules_to_rounding(architecture: str, slots: tuple[int, ...]) -> None:
    straight, permuted = _run(architecture), _run(architecture, slots)
    found = _differ(straight, permuted, slots, ROW)
    assert {name: value for name, value in found.items() if value > TOLERANCE} == {}
    told = [(one.code, one.level, slots.index(one.slot), one.cell) for one in _findings(straight)]
    assert [(one.code, one.level, one.slot, one.cell) for one in _findings(permuted)] == told
    assert {code for code, *_ in told} >= {"overtemperature"}
    assert straight.signal("bleed").max() == 1.0


def test_the_first_of_peers_is_so_by_its_number() -> None:
    """Another module charges the link then, with some joules of its own; the rest permutes."""
    slots = 2, 0, 1
    straight, permuted = _run("distributed"), _run("distributed", slots)
    for kept in (straight, permuted):
        first = next(one for one in kept.events(0, code="contactor"))
        assert (first.slot, first.message) == (0, "the contactor pre-charges")
    assert 1e-9 < _differs(straight, permuted, "soc", np.ix_(slots, ROW)) < 1e-4


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_cells_turned_round_to_rounding(architecture: str) -> None:
    cells = ROW[::-1]
    found = _differ(_run(architecture), _run(architecture, cells=cells), PLACES, cells)
    assert {name: value for name, value in found.items() if value > TOLERANCE} == {}


def test_cells_in_any_order_but_for_their_neighbours() -> None:
    """Charge and decisions permute; what neighbours warm moves voltages a little."""
    cells = tuple(np.random.default_rng(3).permutation(16).tolist())
    found = _differ(_run("hybrid"), _run("hybrid", cells=cells), PLACES, cells)
    assert found["soc"] < 1e-10
    assert found["cell_voltage_V"] < 1e-4
    assert found["level"] == found["module_state"] == 0.0


def _findings(kept: Kept) -> list[Event]:
    told = [one for site in range(2) for one in kept.events(site) if one.slot >= 0]
    return [one for one in told if one.source not in ("scenario", "plant", "network")]
