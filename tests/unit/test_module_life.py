"""A module's life in the plant: it ages between ticks, and another takes its place."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.worlds.module_books import CELLS, signals_of
from twin import resources
from twin.errors import InputError
from twin.modelica import build
from twin.plant.ageing.naumann import Naumann, NaumannLife
from twin.plant.assembly import open_modules, open_plant
from twin.plant.coupling import CoupledModules, Span
from twin.plant.options import Plant as PlantOptions
from twin.plant.plant import Plant, Wiring

SHAPE = 2, 3
HOUR_NS = 3600 * 10**9


def step(modules: CoupledModules, second: int, current_A: float = 50.0) -> None:
    span = Span(slice(None), float(second), 1.0)
    modules.step(span, np.full(modules.shape, current_A), np.full(modules.shape[0], 290.0))


@pytest.fixture
def modules() -> Iterator[CoupledModules]:
    opened = open_modules(PlantOptions(), SHAPE, CELLS)
    soc = np.linspace(0.3, 0.7, 6 * CELLS).reshape(*SHAPE, CELLS)
    opened.initialize({"soc_start": soc, "capacity_Ah": np.full_like(soc, 280.0)}, np.full(SHAPE, 300.0), 0.0)
    yield opened
    opened.close()


def test_what_joins_is_as_new_and_the_others_never_notice(modules: CoupledModules) -> None:
    for name, value in (("bleed", 1.0), ("short_S", 0.5), ("capacity_factor", 0.8), ("resistance_growth", 1.5)):
        modules.inputs[name].write(..., value)
    modules.extra_heat_W[:] = 3.0
    for second in range(3):
        step(modules, second)
    before = modules.snapshot()
    step(modules, 3)
    undisturbed = signals_of(modules).arrays()
    modules.restore(before)
    new = {"soc_start": np.full((1, CELLS), 0.9), "capacity_Ah": np.full((1, CELLS), 314.0)}
    modules.replace(np.array([4]), new, np.array([280.0]), 3.0)
    of = modules.signals
    assert of.soc[1, 1] == pytest.approx(np.full(CELLS, 0.9), abs=1e-15)
    assert of.temperature_K[1, 1] == pytest.approx(np.full(CELLS, 280.0))
    assert of.housing_K[1, 1] == 280.0
    assert of.charge_Ah[1, 1] == pytest.approx(0.9 * 314.0 * CELLS)
    for counter in ("heat_J", "board_heat_J", "delivered_Ah", "lost_Ah", "stored_J", "delivered_J", "short_heat_J"):
        assert not getattr(of, counter)[1, 1].any(), counter
        assert getattr(of, counter)[0].all(), counter
    step(modules, 3)
    told = of.arrays()
    for name, array in told.items():
        for module in [place for place in np.ndindex(SHAPE) if place != (1, 1)]:
            assert np.array_equal(array[module], undisturbed[name][module]), name
    assert not of.board_heat_J[1, 1]  # not bled
    assert not of.short_heat_J[1, 1]
    lone = open_modules(PlantOptions(), (1,), CELLS)
    lone.initialize(new, np.array([280.0]), 3.0)
    lone.step(Span(slice(None), 3.0, 1.0), np.array([50.0]), np.array([290.0]))
    for name, array in lone.signals.arrays().items():
        assert np.array_equal(array[0], told[name][1, 1]), name
    lone.close()


def test_a_place_whose_module_had_failed_works_again(modules: CoupledModules) -> None:
    modules.inputs["contact_ohm"].write((0, 2, 5), np.nan)
    step(modules, 0)
    assert modules.any_failed
    assert np.isnan(modules.signals.voltage_V[0, 2])
    modules.replace(np.array([2]), {}, np.array([298.15]), 1.0)
    step(modules, 1)
    assert not modules.any_failed
    assert np.isfinite(modules.signals.voltage_V).all()


def test_capacity_that_fades_leaves_the_state_of_charge(modules: CoupledModules) -> None:
    step(modules, 0)
    before = signals_of(modules)
    factor = np.linspace(0.7, 1.0, 6 * CELLS).reshape(*SHAPE, CELLS)
    modules.age(factor, np.full_like(factor, 2.0))
    step(modules, 1, 0.0)
    assert modules.signals.soc == pytest.approx(before.soc, abs=1e-6)
    assert modules.signals.charge_Ah == pytest.approx((280.0 * factor * before.soc).sum(axis=-1), rel=1e-6)
    assert modules.signals.resistance_ohm == pytest.approx(2.0 * before.resistance_ohm, rel=1e-3)
    soc = modules.signals.soc.copy()
    for second in range(2, 12):
        step(modules, second, 100.0)
    expected = 10 * (100.0 + 0.0044) / 3600.0 / (280.0 * factor)
    assert soc - modules.signals.soc == pytest.approx(expected, rel=1e-9)


def test_cells_age_between_ticks_and_are_told_once_an_hour() -> None:
    soc, warm_K = np.full((1, 2, 3), 0.5), np.full((1, 2, 3), 308.15)
    life = Naumann(period_s=3600.0, sample_s=60.0).life(soc, start_ns=HOUR_NS)
    told = [now for now in range(HOUR_NS, 3 * HOUR_NS + 1, 30 * 10**9) if life.advance(now, soc, warm_K)]
    assert told == [2 * HOUR_NS, 3 * HOUR_NS]
    assert isinstance(life, NaumannLife)
    at_once = Naumann().life(soc)
    at_once.look(7200.0, soc, warm_K)
    assert life.capacity_factor == pytest.approx(at_once.factors()[0], rel=1e-12)
    assert (life.capacity_factor < 1.0).all()
    assert (life.resistance_growth > 1.0).all()


def test_a_cell_that_joins_has_not_aged_and_a_snapshot_holds_all() -> None:
    soc, warm_K = np.linspace(0.2, 0.9, 6).reshape(1, 2, 3), np.full((1, 2, 3), 318.15)
    life = Naumann(period_s=60.0).life(soc)
    life.advance(HOUR_NS, soc, warm_K)
    stored = [array.copy() for array in life.arrays()]
    life.replace((0, 1), 0.6, 0.95)
    assert life.capacity_factor[0, 1] == pytest.approx(np.ones(3))
    assert (life.capacity_factor[0, 0] < 1.0).all()
    life.advance(2 * HOUR_NS, soc * 0.5, warm_K)
    after = [array.copy() for array in life.arrays()]
    assert not np.array_equal(stored[0], after[0])
    for array, kept in zip(life.arrays(), stored, strict=True):
        array[...] = kept
    life.replace((0, 1), 0.6, 0.95)
    life.advance(2 * HOUR_NS, soc * 0.5, warm_K)
    for array, other in zip(life.arrays(), after, strict=True):
        assert np.array_equal(array, other)


def home(**options: object) -> Plant:
    chosen = PlantOptions.model_validate(options)
    return open_plant(chosen, Wiring(1, 1, 2, CELLS), {"soc_start": np.full((1, 2, CELLS), 0.8)}, 308.15)


def test_a_plant_whose_scenario_says_so_ages() -> None:
    plant = home(ageing={"kind": "naumann", "acceleration": 1e4, "period_s": 120.0, "sample_s": 60.0})
    plant.ambient_K[:] = 308.15
    life = plant.life
    assert isinstance(life, NaumannLife)
    for minute in range(4):
        plant.advance(minute * 60 * 10**9, (minute + 1) * 60 * 10**9, [])
        assert (life.capacity_factor < 1.0).all() == (minute > 0)
    expected = 1.0 - np.sqrt(life.storage_squared)
    assert life.capacity_factor == pytest.approx(expected, rel=1e-9)
    plant.close()


def test_an_fmu_that_cannot_age_is_refused_where_it_should(tmp_path: Path) -> None:
    path = tmp_path / "ageless.fmu"
    shutil.copy(build.build("module_electrical", "2.0"), path)
    lines = (resources.folder("fmus") / "module_electrical" / "ports.yaml").read_text().splitlines()
    kept = [line for line in lines if "capacity_factor" not in line and "resistance_growth" not in line]
    path.with_name("ageless.ports.yaml").write_text("\n".join(kept))
    home(electrical=str(path)).close()
    with pytest.raises(InputError) as refusal:
        home(electrical=str(path), ageing={"kind": "naumann"})
    assert [problem.path for problem in refusal.value.problems] == ["plant.ageing", "plant.ageing"]
    assert "capacity_factor" in str(refusal.value)
