"""From a study's file to points, and to the folder that they are run from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from twin.errors import InputError
from twin.scenario import load
from twin.scenario.document import read
from twin.sweep.folder import Result, StudyFolder, write_result
from twin.sweep.points import Prepared, points_of
from twin.sweep.study.load import LoadedStudy, load_study, read_study
from twin.sweep.study.schema import schema_text

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
BASE = (
    "name: x\nseed: 40\nstart: 2026-06-21T06:00:00+08:00\nduration_s: 600\n"
    "load: {kind: csv, file: load.csv, column: power_W}\n"
)
LOAD = "time,power_W\n2026-06-21T06:00:00+08:00,100\n2026-06-21T07:00:00+08:00,{last}\n"
STUDY = """\
name: x
base: base.yaml
set: [description=changed]
factors:
  modules: {kind: values, path: fleet.modules, values: [2, 4]}
  who: {kind: levels, levels: {all: [], one: [bms.architecture=centralized, fleet.packs=2]}}
  load: {kind: values, path: load.file, values: [load.csv, other.csv]}
design: {kind: grid}
replications: 2
responses: {soc_error: {}}
constraints: [modules <= 3, modules * soc_error <= 1]
"""
FUNCTION = """\
name: x
base: f.py
set: [b=2]
factors: {a: {kind: range, low: 0, high: 1}}
design: {kind: sobol, points: 4}
seed: 7
replications: 3
responses: {y: {objective: minimize}}
"""


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "base.yaml").write_text(BASE)
    (folder / "load.csv").write_text(LOAD.format(last=200))
    (folder / "other.csv").write_text(LOAD.format(last=900))
    (folder / "study.yaml").write_text(STUDY)
    (folder / "function.yaml").write_text(FUNCTION)
    (folder / "f.py").write_text("def respond(seed, a, b):\n    return {'y': a * b + seed}\n")
    return folder


def _points(study: LoadedStudy) -> list[Prepared]:
    return points_of(study, study.study.design.next(study.space, ()))


def _begun(study: LoadedStudy, path: Path) -> StudyFolder:
    begun = StudyFolder(path)
    begun.begin(study, _points(study))
    return begun


def test_rows_become_points_with_seeds_and_what_breaks_a_constraint_on_factors_does_not(folder: Path) -> None:
    points = [one.point for one in _points(load_study(folder / "study.yaml"))]
    assert [(one.row, one.replication, one.seed) for one in points] == [
        (row, replication, 40 + replication) for row in range(4) for replication in range(2)
    ]
    assert points[2].factors == {"modules": 2, "who": "all", "load": "other.csv"}
    assert len({one.id for one in points}) == 8


def test_a_search_may_ask_what_is_allowed(folder: Path) -> None:
    space = load_study(folder / "study.yaml").space
    assert space.allowed((0.4, 0.5, 0.5))
    assert not space.allowed((0.6, 0.5, 0.5))
    assert load_study(folder / "function.yaml").space.objectives == {"y": "minimize"}


def test_a_design_of_which_nothing_is_left_is_refused(folder: Path) -> None:
    study = load_study(folder / "study.yaml", ["constraints=[modules <= 1]"])
    with pytest.raises(InputError) as error:
        _points(study)
    assert str(error.value).endswith(": constraints: no row of the design keeps the constraints on factors")


def test_each_point_is_a_scenario_that_runs_by_hand(folder: Path, tmp_path: Path) -> None:
    begun = _begun(load_study(folder / "study.yaml"), tmp_path / "run")
    for point in begun.design():
        scenario = load(begun.of(point.id) / "scenario.json")
        one = point.factors["who"] == "one"
        assert (scenario.seed, scenario.fleet.modules) == (point.seed, 2)
        assert (scenario.fleet.packs, scenario.bms.architecture) == ((2, "centralized") if one else (1, "hybrid"))
        assert scenario.description == "changed"
        file: Any = scenario.load
        assert Path(file.file).read_text() == (folder / str(point.factors["load"])).read_text()
        assert Path(file.file).resolve().is_relative_to(tmp_path / "run" / "inputs")


def test_a_call_is_all_that_a_function_is_given(folder: Path, tmp_path: Path) -> None:
    begun = _begun(load_study(folder / "function.yaml"), tmp_path / "run")
    points = begun.design()
    assert [point.seed for point in points[:4]] == [7, 8, 9, 7]
    for point in points:
        call = json.loads((begun.of(point.id) / "call.json").read_text())
        assert call["arguments"] == {"a": point.factors["a"], "b": 2}
        assert call["seed"] == point.seed
        assert (begun.of(point.id) / call["file"]).read_text() == (folder / "f.py").read_text()


@pytest.mark.parametrize("name", ["study.yaml", "function.yaml"])
def test_the_folder_of_a_study_stands_for_itself(name: str, folder: Path, tmp_path: Path) -> None:
    study = load_study(folder / name)
    begun = _begun(study, tmp_path / "run")
    assert begun.design() == [one.point for one in _points(study)]
    for path in folder.iterdir():
        path.unlink()
    again = load_study(begun.path)
    assert again.study.model_copy(update={"base": "", "set": ()}) == study.study.model_copy(
        update={"base": "", "set": ()}
    )
    assert [one.point for one in _points(again)] == begun.design()
    assert begun.changed(again) == []
    assert begun.study() == read_study(begun.path) == again.study
    inputs = sorted((begun.path / "inputs").iterdir())
    begun.begin(again, _points(again))
    assert sorted((begun.path / "inputs").iterdir()) == inputs, "no file is taken twice under another name"
    assert [one.point for one in _points(load_study(begun.path))] == begun.design()


def test_a_table_of_rows_goes_with_the_study(folder: Path, tmp_path: Path) -> None:
    (folder / "rows.csv").write_text("fleet.modules,fleet.packs\n2,1\n3,2\n")
    text = STUDY.replace("{kind: values, path: fleet.modules, values: [2, 4]}", "{kind: rows, file: rows.csv}")
    (folder / "study.yaml").write_text(text.replace(", fleet.packs=2", ""))
    begun = _begun(load_study(folder / "study.yaml"), tmp_path / "run")
    (folder / "rows.csv").unlink()
    again = load_study(begun.path)
    assert [one.point for one in _points(again)] == begun.design()
    begun.begin(again, _points(again))
    assert len(list((begun.path / "inputs").glob("*rows.csv"))) == 1
    assert begun.design()[0].factors == {"modules": 0, "fleet.modules": 2, "fleet.packs": 1} | {
        "who": "all",
        "load": "load.csv",
    }


ID: dict[str, tuple[Callable[[Path], object], bool]] = {
    "another name and description": (
        lambda folder: (folder / "base.yaml").write_text(BASE.replace("name: x", "name: y\ndescription: z")),
        True,
    ),
    "a default written out": (lambda folder: (folder / "base.yaml").write_text(BASE + "step_s: 1\n"), True),
    "another value": (lambda folder: (folder / "base.yaml").write_text(BASE + "plant: {link_ohm: 1e-3}\n"), False),
    "other contents of a file": (lambda folder: (folder / "load.csv").write_text(LOAD.format(last=3)), False),
    "the same file written again": (lambda folder: (folder / "load.csv").write_text(LOAD.format(last=200)), True),
}


@pytest.mark.parametrize(("change", "same"), ID.values(), ids=list(ID))
def test_an_id_is_of_all_that_a_result_depends_on(change: Callable[[Path], object], same: bool, folder: Path) -> None:
    text = STUDY.replace("set: [description=changed]\n", "")
    (folder / "study.yaml").write_text(text)
    before = _points(load_study(folder / "study.yaml"))[0].point.id
    change(folder)
    assert (_points(load_study(folder / "study.yaml"))[0].point.id == before) == same


def test_rows_of_equal_content_are_one_run(folder: Path, tmp_path: Path) -> None:
    study = load_study(folder / "study.yaml", ["factors.modules.values=[2, 2]", "replications=1"])
    begun = _begun(study, tmp_path / "run")
    assert len(begun.design()) == 8
    assert len(list((begun.path / "points").glob("*/*"))) == 4


CHANGES: dict[str, tuple[str, str, str, list[str]]] = {
    "nothing": ("base.yaml", "x", "x", []),
    "a name": ("base.yaml", "name: x", "name: y", []),
    "a value, and one more": (
        "base.yaml",
        "duration_s: 600",
        "duration_s: 900\nfleet: {sites: 2}",
        ["duration_s: 900.0, was 600.0", "fleet.sites: 2, was 1"],
    ),
    "a section": (
        "base.yaml",
        "seed: 40",
        "seed: 40\nrules: {soc_error: 0.1}",
        ["rules.soc_error: 0.1, was null"],
    ),
    "the contents of a file": ("load.csv", "200", "300", ["load.file: the contents of load.csv"]),
    "the study's own changes": (
        "study.yaml",
        "description=changed",
        "fleet.sites=3",
        ["fleet.sites: 3, was 1"],
    ),
}


@pytest.mark.parametrize(("file", "old", "new", "told"), CHANGES.values(), ids=list(CHANGES))
def test_a_changed_base_is_noticed(
    file: str, old: str, new: str, told: list[str], folder: Path, tmp_path: Path
) -> None:
    begun = _begun(load_study(folder / "study.yaml"), tmp_path / "run")
    path = folder / file
    path.write_text(path.read_text().replace(old, new))
    assert begun.changed(load_study(folder / "study.yaml")) == told


def test_changed_files_that_factors_name_are_noticed(folder: Path, tmp_path: Path) -> None:
    """Only where a point of before is another one now: a study may name further files, and fewer."""
    begun = _begun(load_study(folder / "study.yaml"), tmp_path / "run")
    same = _points(load_study(folder / "study.yaml"))
    assert begun.changed_files(same) == []
    (folder / "other.csv").write_text(LOAD.format(last=901))
    study = load_study(folder / "study.yaml")
    assert begun.changed(study) == []
    assert begun.changed_files(_points(study)) == ["the contents of other.csv"]


def test_a_changed_function_is_noticed(folder: Path, tmp_path: Path) -> None:
    begun = _begun(load_study(folder / "function.yaml"), tmp_path / "run")
    assert StudyFolder(tmp_path / "none").changed(load_study(folder / "function.yaml")) == []
    (folder / "f.py").write_text("def respond(seed, a, b):\n    return {'y': a}\n")
    told = begun.changed(load_study(folder / "function.yaml", ["set=[b=3]"]))
    assert told == ["file: the contents of f.py", "arguments.b: 3, was 2"]


def test_points_are_added_and_what_is_there_stays(folder: Path, tmp_path: Path) -> None:
    small, large = (load_study(folder / "function.yaml", [f"design.points={count}"]) for count in (4, 8))
    begun = _begun(small, tmp_path / "run")
    done = begun.design()[0]
    result = Result("done", {"y": {"mean": 1.0}}, 0.1, 1.0, 1, "0", "here", "2026-01-01T00:00:00Z")
    write_result(begun.of(done.id), result)
    begun.prepare(_points(large))
    assert len(begun.design()) == 24
    begun.begin(large, _points(large))
    assert [point.id for point in begun.design()[:12]] == [one.point.id for one in _points(small)]
    assert begun.state(done.id) == "done"


def test_the_stored_schema_is_up_to_date() -> None:
    stored = (SCENARIOS / "studies" / "study.schema.json").read_text()
    assert stored == schema_text(), "run: twin schema --study -o scenarios/studies/study.schema.json"


def test_the_schema_accepts_studies_and_sees_mistakes(folder: Path) -> None:
    schema: dict[str, Any] = json.loads(schema_text())
    for name in ("study.yaml", "function.yaml"):
        data = read(folder / name).data
        jsonschema.validate(data, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**data, "design": {"kind": "girid"}}, schema)
