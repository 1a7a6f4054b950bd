"""What is wrong with an FMU is named before any of it runs, all of it at once."""

from __future__ import annotations

import importlib.util
import multiprocessing
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.worlds.fmus.build import INPUTS, OUTPUTS, Flaw, build
from twin.errors import InputError
from twin.plant import fmu as description
from twin.plant.backends import open_pool
from twin.plant.backends.columns import bind, elements, locate


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    description._read.cache_clear()


@pytest.fixture(scope="module", params=["2.0", "3.0"])
def tank(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("tank"), request.param)


def no_file(folder: Path) -> Path:
    return folder / "absent.fmu"


def text_file(folder: Path) -> Path:
    path = folder / "text.fmu"
    path.write_text("no archive")
    return path


def zip_without_description(folder: Path) -> Path:
    path = folder / "empty.fmu"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "")
    return path


def broken_description(folder: Path) -> Path:
    path = folder / "broken.fmu"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("modelDescription.xml", '<fmiModelDescription fmiVersion="2.0"><ModelVariables/>')
    return path


def invalid_description(folder: Path) -> Path:
    path = folder / "invalid.fmu"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("modelDescription.xml", '<fmiModelDescription fmiVersion="3.0" modelName="x"/>')
    return path


def no_library(folder: Path) -> Path:
    path = build(folder, "2.0")
    broken = folder / "broken.fmu"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(broken, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, source.read(name) if name.endswith("xml") else b"no library")
    return broken


MISTAKES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing file": (no_file, "no such file"),
    "no archive": (text_file, "no ZIP archive"),
    "no description": (zip_without_description, "no modelDescription.xml"),
    "broken XML": (broken_description, "modelDescription.xml: "),
    "invalid XML": (invalid_description, "instantiationToken"),
    "other platform": (
        lambda folder: build(folder, "2.0", Flaw(platform="vax")),
        "no binary for this platform: found vax; expected binaries/",
    ),
    "other platform, with sources": (
        lambda folder: build(folder, "3.0", Flaw(platform="vax", extra={"sources/tank.c": ""})),
        "(fmpy compile tank_3.0.fmu)",
    ),
    "missing symbol, FMI 2": (
        lambda folder: build(folder, "2.0", Flaw(defines=("WITHOUT_DO_STEP",))),
        "missing symbol fmi2DoStep in tank",
    ),
    "missing symbol, FMI 3": (
        lambda folder: build(folder, "3.0", Flaw(defines=("WITHOUT_DO_STEP",))),
        "missing symbol fmi3DoStep in tank",
    ),
    "binary is none": (no_library, "its binary cannot be loaded"),
    "not for co-simulation": (
        lambda folder: build(folder, "2.0", Flaw(kind="ModelExchange")),
        "offers ModelExchange; expected CoSimulation",
    ),
    "only once a process": (
        lambda folder: build(folder, "2.0", Flaw(flags='canBeInstantiatedOnlyOncePerProcess="true"')),
        "only once a process; expected 2 instances",
    ),
    "path that leaves the folder": (
        lambda folder: build(folder, "2.0", Flaw(extra={"/etc/passwd": ""})),
        "cannot be extracted: Illegal path",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_in_an_fmu_is_named(name: str, tmp_path: Path) -> None:
    make, text = MISTAKES[name]
    path = make(tmp_path)
    with pytest.raises(InputError) as caught:
        open_pool(path, 2, INPUTS, OUTPUTS, backend="fmpy")
    assert text in str(caught.value)
    assert all(str(path) in (problem.file or "") for problem in caught.value.problems)
    assert not list((tmp_path / "cache").glob("bms-twin/fmus/*.*"))  # nothing half-extracted is left


def test_all_wrong_names_come_at_once(tank: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_pool(tank, 2, ["inflw", "load[4]", "level", "inflow", "inflow"], ["steps", "totl[1]"], backend="fmpy")
    text = str(caught.value)
    assert "no variable 'inflw' (did you mean 'inflow'?)" in text
    assert "'level' is of causality output; expected an input" in text
    assert "input 'inflow' is named twice" in text
    assert "output 'steps' is of type Int" in text
    assert "load[4]" in text
    assert "totl[1]" in text
    assert len(caught.value.problems) == 6


def test_wrong_backend_and_wrong_file_come_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_pool(tmp_path / "absent.fmu", 2, [], [], backend="natve")  # type: ignore[arg-type]
    assert "did you mean 'native'?" in str(caught.value)
    assert "no such file" in str(caught.value)


@pytest.mark.skipif(importlib.util.find_spec("pyfmi") is not None, reason="PyFMI is installed")
def test_pyfmi_names_the_conda_command(tank: Path) -> None:
    with pytest.raises(InputError, match="conda install -c conda-forge pyfmi"):
        open_pool(tank, 2, INPUTS, OUTPUTS, backend="pyfmi")


def test_description_says_what_the_archive_says(tank: Path) -> None:
    fmu = description.read(tank)
    assert fmu.identifier == "tank"
    assert fmu.token == "{tank}"
    assert fmu.tolerance == 1e-7
    assert fmu.keeps_state
    assert fmu.serializes_state
    assert fmu.library.is_file()
    assert elements(fmu, "weight") == ("weight[1]", "weight[2]", "weight[3]")
    assert elements(fmu, "grid") == ("grid[1,1]", "grid[1,2]", "grid[2,1]", "grid[2,2]")
    assert bind(fmu, ["weight[3]"], "parameter").start.tolist()[-1] == 3.0


def test_arrays_are_row_major(tmp_path: Path) -> None:
    fmu = description.read(build(tmp_path, "3.0"))
    assert [locate(fmu, name)[1] for name in ("grid[1,1]", "grid[1,2]", "grid[2,1]", "grid[2, 2]")] == [0, 1, 2, 3]
    for name in ("grid", "grid[3,1]", "grid[1]", "grid[0,1]"):
        with pytest.raises(InputError, match="grid"):
            locate(fmu, name)


def test_columns_in_any_order_fill_whole_arrays(tmp_path: Path) -> None:
    fmu = description.read(build(tmp_path, "3.0"))
    columns = bind(fmu, ["weight[3]", "gain", "weight[1]"], "parameter")
    assert columns.references.tolist() == [5, 4]
    assert columns.packed(np.array([[30.0, 9.0, 10.0]])).tolist() == [[10.0, 2.0, 30.0, 9.0]]
    assert not columns.direct
    assert bind(fmu, list(INPUTS), "input").direct


def _extract(path: Path) -> str:
    return str(description.read(path).library)


def test_many_processes_extract_at_once(tank: Path) -> None:
    with multiprocessing.get_context("fork").Pool(8) as pool:
        libraries = pool.map(_extract, [tank] * 16)
    assert len(set(libraries)) == 1
    assert [part.name for part in Path(libraries[0]).parents[3].iterdir()] == [Path(libraries[0]).parents[2].name]


def test_same_content_is_extracted_once(tank: Path, tmp_path: Path) -> None:
    first = description.read(tank)
    copy = tmp_path / "copy.fmu"
    copy.write_bytes(tank.read_bytes())
    assert description.read(copy).folder == first.folder
