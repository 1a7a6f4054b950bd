"""The plant on the real FMUs: what fails, what is foreign, what is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from twin import resources
from twin.errors import InputError
from twin.modelica import build
from twin.plant.action import Action
from twin.plant.assembly import open_plant
from twin.plant.options import Plant as PlantOptions
from twin.plant.plant import Plant, Wiring

SECOND = 1_000_000_000
NAMES = ("cell_voltage_V", "soc", "temperature_K", "module_voltage_V", "housing_K", "current_A", "bus_voltage_V")


def home(sites: int = 2, **options: str) -> Plant:
    soc = np.linspace(0.4, 0.6, 2)[:, None]
    plant = open_plant(
        PlantOptions.model_validate(options), Wiring(sites, 1, 2, 16), {"soc_start": soc}, 298.15, in_operation=True
    )
    plant.request_W[:] = 3000.0
    return plant


def test_what_the_inverter_takes_is_what_the_modules_give() -> None:
    plant = home()
    for k in range(3):
        assert plant.advance(k * SECOND, (k + 1) * SECOND, []) == []
    assert np.array_equal(plant.power_W, [3000.0, 3000.0])
    np.testing.assert_allclose(plant.bus_voltage_V * plant.current_A.sum(axis=1), 3000.0, rtol=1e-13)
    np.testing.assert_allclose(plant.module_voltage_V, plant.cell_voltage_V.sum(axis=2), rtol=1e-13)
    assert np.array_equal(plant.cell_voltage_V[0], plant.cell_voltage_V[1])


def test_a_failing_fmu_takes_its_site_out_and_no_other() -> None:
    plant, sound = home(), home()
    events = plant.advance(0, SECOND, [Action(SECOND // 2, 0, "contact_ohm", np.nan, 1, 3)])
    assert [(event.site, event.kind, event.slot) for event in events] == [(0, "quarantine", 1)]
    assert "the electrical FMU" in events[0].text
    sound.advance(0, SECOND, [])
    for each in (plant, sound):
        assert each.advance(SECOND, 2 * SECOND, []) == []
    for name in NAMES:
        assert np.isnan(getattr(plant, name)[0]).all(), name
        assert np.array_equal(getattr(plant, name)[1], getattr(sound, name)[1]), name


def test_a_restored_plant_goes_on_to_the_same_bits() -> None:
    plant = home()
    plant.advance(0, SECOND, [Action(SECOND // 3, 1, "bleed", 1.0, 0, 2)])
    before = plant.snapshot()
    futures = []
    for _ in range(2):
        for k in (1, 2):
            plant.advance(k * SECOND, (k + 1) * SECOND, [Action(k * SECOND + 5, 0, "module_state", 2.0 * (k - 1), 0)])
        futures.append([getattr(plant, name).copy() for name in NAMES])
        plant.restore(before)
    for first, second in zip(*futures, strict=True):
        assert np.array_equal(first, second)


def test_an_fmu_from_elsewhere_takes_a_place_by_its_ports_file(tmp_path: Path) -> None:
    path = tmp_path / "supplier.fmu"
    shutil.copy(build.build("module_electrical", "2.0"), path)
    ports = (resources.folder("fmus") / "module_electrical" / "ports.yaml").read_text()
    path.with_name("supplier.ports.yaml").write_text(ports)
    own, foreign = home(), home(electrical=str(path))
    for plant in (own, foreign):
        plant.advance(0, SECOND, [])
    assert np.array_equal(own.cell_voltage_V, foreign.cell_voltage_V)


def test_an_fmu_without_a_ports_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "supplier.fmu"
    shutil.copy(build.build("module_electrical", "2.0"), path)
    with pytest.raises(InputError, match=r"supplier\.ports\.yaml: cannot read the ports file"):
        home(electrical=str(path))


def test_a_variable_that_the_fmu_lacks_is_named_with_a_suggestion(tmp_path: Path) -> None:
    path = tmp_path / "supplier.fmu"
    shutil.copy(build.build("module_thermal", "2.0"), path)
    ports = (resources.folder("fmus") / "module_thermal" / "ports.yaml").read_text()
    path.with_name("supplier.ports.yaml").write_text(ports.replace("variable: ambient_K", "variable: ambien_K"))
    with pytest.raises(InputError, match="ambient_K"):
        home(thermal=str(path))


def test_a_model_that_does_not_exist_is_named_with_a_suggestion() -> None:
    with pytest.raises(InputError, match=r"module_electrcal: neither .* \(did you mean 'module_electrical'\?\)"):
        home(electrical="module_electrcal")


def test_a_parameter_that_the_fmu_lacks_is_named() -> None:
    with pytest.raises(InputError, match="no 'soc_stat'"):
        open_plant(PlantOptions(), Wiring(1, 1, 1, 16), {"soc_stat": 0.5}, 298.15)
