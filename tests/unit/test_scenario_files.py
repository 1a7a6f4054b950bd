"""Scenarios on disk: the shipped ones, the resolved ones, the schema, the overrides."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from twin import resources
from twin.errors import InputError
from twin.scenario import companions, expand, load, resolved
from twin.scenario.document import read
from twin.scenario.schema import schema_text

SCENARIOS = resources.folder("scenarios")
PLANS = ("compare_architectures.yaml", "compare_rollouts.yaml")
SHIPPED = sorted(path for path in SCENARIOS.glob("*.yaml") if path.name not in PLANS)
SCHEMA: dict[str, Any] = json.loads(schema_text())


def test_the_stored_schema_is_up_to_date() -> None:
    stored = (SCENARIOS / "scenario.schema.json").read_text()
    assert stored == schema_text(), "run: twin schema -o scenarios/scenario.schema.json"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# yaml-language-server: $schema=scenario.schema.json\n")
    assert "Run time:" in text
    jsonschema.validate(read(path).data, SCHEMA)
    assert load(path).name


@pytest.mark.parametrize(
    "data",
    [{"name": "x", "stepp_s": 1}, {"fleet": {"spread": {"soc": []}}}, {"faults": [{"kind": "none"}]}],
    ids=["unknown key", "wrong type", "unknown kind"],
)
def test_the_schema_sees_mistakes(data: dict[str, Any]) -> None:
    whole = {"name": "x", "start": "2026-06-21T06:00:00+08:00", "duration_s": 60, **data}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(whole, SCHEMA)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_resolved_is_the_same_scenario(path: Path, tmp_path: Path) -> None:
    scenario = load(path)
    (tmp_path / "scenario.yaml").write_text(resolved(scenario))
    for name, source in companions(scenario).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(source, tmp_path / name)
    again = load(tmp_path / "scenario.yaml")
    assert resolved(again) == resolved(scenario)
    assert again.model_copy(update={"ota": scenario.ota}) == scenario, "only firmware has another path"
    assert len(companions(scenario)) == (len(scenario.ota.release) if scenario.ota else 0)


@pytest.mark.parametrize(
    "name", ["off", "1e3", "12:30", "a: b", "# x", "'", "null", "2026-06-21", "ä\n\tb", "- 1", "~"]
)
def test_resolved_keeps_every_text(name: str, tmp_path: Path) -> None:
    scenario = load(SCENARIOS / "one_home.yaml").model_copy(update={"name": name})
    (tmp_path / "scenario.yaml").write_text(resolved(scenario), encoding="utf-8")
    assert load(tmp_path / "scenario.yaml").name == name


def test_a_run_takes_its_files_along(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "day.csv").write_text("time_s,p_kW\n0,1\n300,2\n600,1\n")
    (tmp_path / "home" / "my.fmu").write_bytes(b"")
    (tmp_path / "home" / "my.ports.yaml").write_text("")
    text = (
        (SCENARIOS / "one_home.yaml")
        .read_text()
        .replace("{kind: bdew, annual_kWh: 4000}", "{kind: csv, file: day.csv}")
    )
    (tmp_path / "home" / "day.asc").write_text("")
    text += "plant: {electrical: ./my.fmu}\nbus: {replay: [{file: day.asc, node: Inverter}]}\n"
    (tmp_path / "home" / "s.yaml").write_text(text)
    scenario = load(tmp_path / "home" / "s.yaml")
    files = companions(scenario)
    assert {name: path.name for name, path in files.items()} == {
        "inputs/load-day.csv": "day.csv",
        "inputs/replay-0-day.asc": "day.asc",
        "inputs/electrical-my.fmu": "my.fmu",
        "inputs/electrical-my.ports.yaml": "my.ports.yaml",
    }
    run = tmp_path / "run"
    (run / "inputs").mkdir(parents=True)
    for name, path in files.items():
        shutil.copy(path, run / name)
    (run / "scenario.yaml").write_text(resolved(scenario))
    shutil.rmtree(tmp_path / "home")
    again = load(run / "scenario.yaml")
    assert expand(again).load.at(450 * 10**9)[0] == 2000.0
    assert resolved(again) == resolved(scenario)


OVERRIDES: dict[str, tuple[str, Any]] = {
    "fleet.sites=3": ("fleet.sites", 3),
    "faults[1].site=0": ("faults.1.site", 0),
    "faults[0].site = 0": ("faults.0.site", 0),
    "duration_s=1h": ("duration_s", 3600.0),
    "record.frames=true": ("record.frames", True),
    "fleet.spread.soc.mean=0.3": ("fleet.spread.soc.mean", 0.3),
    "fleet.spread.soc={mean: 0.2}": ("fleet.spread.soc.sd", 0.0),
    "faults=[]": ("faults", []),
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_overrides(override: str) -> None:
    path, expected = OVERRIDES[override]
    extra = ["faults=[]"] if override == "fleet.sites=3" else []
    value: Any = load(SCENARIOS / "home_fleet.yaml", [*extra, override])
    for part in path.split("."):
        value = value[int(part)] if part.isdigit() else getattr(value, part)
    assert value == expected


def test_later_overrides_win() -> None:
    assert load(SCENARIOS / "one_home.yaml", ["seed=3", "seed=4"]).seed == 4


def test_a_scenario_that_ships_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load("one_home") == load(resources.folder("scenarios") / "one_home.yaml")
    (tmp_path / "one_home").write_text("name: my own\n")
    with pytest.raises(InputError):  # a file of that name comes first, and this one is not complete
        load("one_home")
