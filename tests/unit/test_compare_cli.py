"""``twin compare`` and ``twin report --check``: plans and their mistakes, what is run and what is not run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worlds.commands import run_all
from tests.worlds.judged_runs import Told, Truth, written
from tests.worlds.three_architectures import three_runs
from twin import resources
from twin.analysis.judgement import all_metrics
from twin.analysis.plan import load_plan
from twin.errors import InputError

SHIPPED = resources.folder("scenarios") / "compare_architectures.yaml"
PLAN = """\
name: Two ways
variants:
  slow: [bms.period_s=2]
  fast: [bms.period_s=1]
set: [duration_s=20]
cases:
  - {name: noon, title: Noon, scenario: one_home, quick: [duration_s=10], weights: {soc_error: 1}}
"""


def plan(folder: Path, text: str = PLAN) -> Path:
    path = folder / "plan.yaml"
    path.write_text(text)
    return path


def test_a_plan_has_a_run_for_each_case_and_variant(tmp_path: Path) -> None:
    found = load_plan(plan(tmp_path))
    assert [(one.variant, one.scenario.bms.period_s, one.scenario.duration_s) for one in found.runs] == [
        ("slow", 2.0, 20.0),
        ("fast", 1.0, 20.0),
    ]
    assert [str(one.folder) for one in found.runs] == ["runs/noon/slow", "runs/noon/fast"]
    assert {one.scenario.duration_s for one in load_plan(plan(tmp_path), quick=True).runs} == {10.0}


def test_a_scenario_beside_the_plan_comes_before_one_that_ships(tmp_path: Path) -> None:
    text = (resources.folder("scenarios") / "one_home.yaml").read_text().replace("seed: 1", "seed: 77")
    (tmp_path / "one_home.yaml").write_text(text)
    found = load_plan(plan(tmp_path, PLAN.replace("scenario: one_home", "scenario: one_home.yaml")))
    assert {one.scenario.seed for one in found.runs} == {77}


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("soc_error", "soc_eror", 7, "there is no metric soc_eror (did you mean soc_error?)"),
        ("title: Noon", "titel: Noon", 7, "did you mean title?"),
        ("  slow: [bms.period_s=2]\n", "", 2, "variants"),
        ("weights: {soc_error: 1}", "matters: speed", 7, "there is no metric speed"),
        ("name: noon", "name: No on", 7, "cases[0].name"),
    ],
    ids=["metric", "key", "one variant", "what matters", "folder"],
)
def test_a_mistake_in_a_plan_has_its_line(old: str, new: str, line: int, words: str, tmp_path: Path) -> None:
    path = plan(tmp_path, PLAN.replace(old, new))
    with pytest.raises(InputError) as mistake:
        load_plan(path)
    assert any(f"{path}:{line}" in str(problem) and words in str(problem) for problem in mistake.value.problems)


def test_all_mistakes_of_all_scenarios_are_told(tmp_path: Path) -> None:
    text = PLAN.replace("bms.period_s=2", "bms.period_s=-2").replace("duration_s=20", "duration_s=0")
    with pytest.raises(InputError) as mistake:
        load_plan(plan(tmp_path, text))
    said = "\n".join(map(str, mistake.value.problems))
    assert "--set bms.period_s=-2" in said
    assert "--set duration_s=0" in said
    assert len(mistake.value.problems) == 2


def test_the_plan_that_ships_can_be_run() -> None:
    found = load_plan(SHIPPED, quick=True)
    assert {one.variant for one in found.runs} == {"centralized", "distributed", "hybrid"}
    campaign = [one.scenario for one in found.runs if one.case.name == "faults"]
    assert all(one.fleet.sites >= 200 and one.drawn is not None for one in campaign)
    assert len({one.bms.architecture for one in campaign}) == 3
    assert {name for one in found.options.cases for name in one.weights} <= set(all_metrics())
    text = SHIPPED.read_text()
    assert "Run time:" in text
    for scenario in (SHIPPED.parent / "compare").glob("*.yaml"):
        assert f"compare/{scenario.name}" in text


def test_comparing_on_the_command_line(tmp_path: Path) -> None:
    runs = three_runs(tmp_path)
    hazard = Truth("over_temperature", 0, 0, 0, 5.0, expected="overtemperature", hazardous=True)
    for name, rules in (("kept", "false_isolations: 1"), ("broken", "isolated_share: 1")):
        written(tmp_path / name, Told(truth=[hazard], overrides=(f"rules={{{rules}}}",)))
    plan(tmp_path)
    commands = [
        ("compare", *map(str, runs.values()), "-o", "out"),
        ("compare", str(runs["hybrid"])),
        ("compare", "nothing", str(runs["hybrid"])),
        ("compare", "plan.yaml"),
        ("report", "kept", "--check"),
        ("report", "broken", "--check"),
        ("report", "broken"),
    ]
    shown, alone, missing, nowhere, kept, broken, unchecked = run_all([(one, tmp_path) for one in commands])
    assert shown.code == 0
    assert "Hybrid is best" in shown.output
    assert set(shown.changed) == {"out", "out/comparison.html", "out/comparison.csv", "out/comparison.json"}
    assert (alone.code, missing.code, nowhere.code) == (2, 2, 2)
    assert "expected two or more" in alone.errors[0]
    assert "nothing: no such run folder" in missing.errors[0]
    assert "-o DIR" in nowhere.errors[0]
    assert (kept.code, broken.code, unchecked.code) == (1, 1, 0)  # no contactors in the log: nobody knows
    assert "not known: False isolations a site (false_isolations): lacks events of contactors" in kept.errors[0]
    assert "not known: Hazards isolated" in broken.errors[0]


def test_a_plan_is_run_once(tmp_path: Path) -> None:
    path = plan(tmp_path)
    command = ("compare", str(path), "-o", "out", "--quick")
    first, second = run_all([(command, tmp_path), (command, tmp_path)])
    assert (first.code, second.code) == (0, 0), first.errors
    assert "out/runs/noon/slow/run.h5" in first.changed
    assert "2 of 2 runs are there already" in second.errors
    assert not any("runs" in name for name in second.changed)
    path.write_text(PLAN.replace("bms.period_s=2", "bms.period_s=5"))
    (third,) = run_all([(command, tmp_path)])
    assert "out/runs/noon/slow/run.h5" in third.changed
    assert "out/runs/noon/fast/run.h5" not in third.changed
