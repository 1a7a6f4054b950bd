from __future__ import annotations

import json
import math
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rumoca
from fmpy import simulate_fmu
from typer.testing import CliRunner

import twin.cli.fmu as cli
from twin import resources
from twin.errors import InputError
from twin.modelica import archive, build, expected, frontend, openmodelica
from twin.modelica.frontend import compile_text
from twin.modelica.interface import interface
from twin.modelica.model import explicit

SMALL = """model Small
  parameter Real a(unit="1/s") = 2;
  Real x(start=1);
  output Real y;
equation
  der(x) = -a*x;
  y = x;
end Small;
"""


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fmus folder of one model, and an empty cache."""
    folder = tmp_path / "fmus"
    (folder / "small").mkdir(parents=True)
    (folder / "library").mkdir()
    (folder / "small" / "Small.mo").write_text(SMALL)
    monkeypatch.setattr(resources, "folder", lambda name: folder)
    monkeypatch.setenv("TWIN_CACHE", str(tmp_path / "cache"))
    return folder


def test_the_same_content_is_built_once(models: Path) -> None:
    first = build.build("small", "2.0")
    written = first.stat().st_mtime_ns
    assert build.build("small", "2.0") == first
    assert first.stat().st_mtime_ns == written


def test_other_content_is_another_fmu(models: Path) -> None:
    before = build.build("small", "3.0")
    (models / "small" / "Small.mo").write_text(SMALL.replace("= 2", "= 3"))
    after = build.build("small", "3.0")
    assert after != before
    assert b'start="3.0"' in zipfile.ZipFile(after).read("modelDescription.xml")


def test_a_change_in_the_library_is_another_fmu(models: Path) -> None:
    before = build.path_of("small", "2.0")
    (models / "library" / "L.mo").write_text("within ;\npackage L\nend L;\n")
    assert build.path_of("small", "2.0") != before


def test_the_same_sources_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.fmu", "b.fmu"):
        archive.write(interface(explicit(compile_text("Small", SMALL)), b"x"), "3.0", tmp_path / name)
    assert (tmp_path / "a.fmu").read_bytes() == (tmp_path / "b.fmu").read_bytes()


def test_a_failed_build_leaves_nothing(models: Path, tmp_path: Path) -> None:
    (models / "small" / "Small.mo").write_text(SMALL.replace("-a*x", "-wrong*x"))
    with pytest.raises(InputError, match="wrong"):
        build.build("small", "2.0")
    assert not (tmp_path / "cache").exists()


def test_a_missing_compiler_is_said_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(InputError, match=r"C compiler 'gcc' is not installed.*apt install gcc"):
        archive.compiler()


def test_an_unknown_model_gets_a_suggestion(models: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'small'"):
        build.source("smal")


def test_an_unknown_unit_is_refused(tmp_path: Path) -> None:
    text = SMALL.replace("1/s", "furlong")
    with pytest.raises(InputError, match="unknown unit 'furlong'"):
        archive.write(interface(explicit(compile_text("Small", text)), b""), "2.0", tmp_path / "x.fmu")


def test_another_rumoca_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rumoca, "version", lambda: "0.11.0")
    with pytest.raises(InputError, match=r"rumoca 0.11.0 is installed, expected 0.10.2.*pip install rumoca==0.10.2"):
        compile_text("Small", SMALL)


def test_another_schema_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "SCHEMAS", {"solve": 72, "dae": 6})
    with pytest.raises(InputError, match=r"prints schemas \{'solve': 71, 'dae': 6\}, expected"):
        compile_text("Small", SMALL)


def test_a_missing_modelica_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.mo: cannot read the Modelica file"):
        frontend.compile_class("M", tmp_path / "no.mo")


@pytest.mark.skipif(shutil.which("omc") is not None, reason="OpenModelica is installed")
def test_openmodelica_missing_is_said_clearly() -> None:
    with pytest.raises(InputError, match="'omc' is not on the PATH"):
        openmodelica.compiler()


@pytest.mark.skipif(shutil.which("omc") is None, reason="OpenModelica is not installed")
@pytest.mark.parametrize(("model", "output"), [("module_electrical", "voltage_V"), ("module_thermal", "housing_K")])
def test_openmodelica_exports_the_same_trajectory(model: str, output: str) -> None:
    theirs, ours = (
        simulate_fmu(str(path), stop_time=600.0, output_interval=10.0, output=[output])[output]
        for path in (build.build_with_openmodelica(model), build.build(model, "2.0"))
    )
    assert np.abs(theirs - ours).max() < 1e-4


# The stored trajectory


def test_a_deviation_beyond_the_tolerance_is_found() -> None:
    stored = expected.Expected(np.array([0.0, 1.0]), {"v": np.array([50.0, 50.0])})
    for shift, is_allowed in ((1e-7, True), (1e-6, False), (np.nan, False)):
        (deviation,) = stored.deviations({"v": np.array([50.0, 50.0 + shift])})
        assert deviation.is_allowed == is_allowed


def test_a_trajectory_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "expected.csv").write_text("time_s,v\n0,one\n")
    with pytest.raises(InputError, match="no trajectory to compare with"):
        expected.load(tmp_path / "expected.csv")


# The command


def test_list_says_what_is_built_and_what_could_be(models: Path) -> None:
    path = build.build("small", "2.0")
    rows = json.loads(CliRunner().invoke(cli.app, ["list", "--json"]).stdout)
    kinds = ["ME", "CS"]
    assert rows == [
        {"model": "small", "path": str(path), "fmi": "2.0", "kinds": kinds},
        {"model": "small", "path": None, "fmi": "3.0", "kinds": kinds},
    ]


def test_build_says_what_was_cached(models: Path) -> None:
    first = CliRunner().invoke(cli.app, ["build", "small"]).stdout
    second = CliRunner().invoke(cli.app, ["build"]).stdout
    assert first.count("built in") == 2
    assert second.count("cached") == 2


def test_check_follows_the_stored_trajectory(models: Path) -> None:
    path = str(build.build("small", "3.0"))
    assert "No trajectory is stored" in CliRunner().invoke(cli.app, ["check", path]).stdout
    rows = [f"{t},2.0,{math.exp(-2.0 * t)!r}" for t in range(4)]
    (models / "small" / "expected.csv").write_text("\n".join(["time_s,a,y", *rows]))
    good = CliRunner().invoke(cli.app, ["check", path])
    (models / "small" / "expected.csv").write_text("\n".join(["time_s,a,y", *rows[:-1], "3,2.0,0.0025"]))
    bad = CliRunner().invoke(cli.app, ["check", path])
    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert "differs" in bad.stdout


@pytest.mark.parametrize(("content", "words"), [(None, "no such file"), (b"text", "not a zip archive")])
def test_check_refuses_what_is_no_fmu(content: bytes | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.fmu"
    if content is not None:
        path.write_bytes(content)
    result = CliRunner().invoke(cli.app, ["check", str(path)])
    assert isinstance(result.exception, InputError)
    assert words in str(result.exception)
