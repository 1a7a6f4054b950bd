"""One attempt at a point in this process, and ``twin point`` by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worlds.command import ROOT, twin
from tests.worlds.points import Points
from twin.errors import InputError, Problem
from twin.scenario import Scenario
from twin.sweep.attempt import attempts
from twin.sweep.attempt.point import run_point
from twin.sweep.folder import Result, write_result

WELL = "def respond(seed, x=0): return {'y': x}"
DEAD = 2**22 + 1
"""No process has this number: Linux counts up to 2**22."""


@pytest.fixture
def points(tmp_path: Path) -> Points:
    return Points(tmp_path / "study")


def _never(scenario: Scenario, folder: Path) -> None:
    raise AssertionError("no scenario is to be run")


def _finished() -> Result:
    return Result("done", {"y": {"mean": 1.0}}, 1.0, 100.0, 1, "0", "elsewhere", "2026-11-23T00:00:00+00:00")


def test_a_folder_that_cannot_be_seen_yet_is_tried_again(tmp_path: Path) -> None:
    outcome = run_point(tmp_path / "0123456789abcdef", _never)
    assert (outcome.point_id, outcome.state, outcome.again) == ("0123456789abcdef", "failed", True)
    assert "neither scenario.json nor call.json" in outcome.error


def test_mistakes_of_a_scenario_are_not_tried_again(points: Points) -> None:
    point = points.scenario(changes={"duration_s": "soon", "seeds": 3})
    outcome = run_point(points.folder.of(point), _never)
    assert (outcome.state, outcome.again) == ("failed", False)
    assert len(outcome.error.splitlines()) == 2
    assert all(f"{point}/scenario.json:1: " in line for line in outcome.error.splitlines()), outcome.error


def test_mistakes_found_while_building_are_not_tried_again(points: Points) -> None:
    def build(scenario: Scenario, folder: Path) -> None:
        raise InputError(Problem("does not fit", path="plant.electrical"))

    point = points.scenario()
    outcome = run_point(points.folder.of(point), build)
    assert (outcome.state, outcome.again) == ("failed", False)
    assert outcome.error == f"{points.folder.of(point)}/scenario.json:1: plant.electrical: does not fit"


def test_what_another_attempt_has_done_is_no_failure(points: Points) -> None:
    """Two workers may be at a point; the one that ends first removes what the other works on."""
    point = points.scenario()

    def overtaken(scenario: Scenario, folder: Path) -> None:
        write_result(points.folder.of(point), _finished())
        raise FileNotFoundError(folder)

    outcome = run_point(points.folder.of(point), overtaken)
    assert (outcome.state, outcome.error) == ("done", "")
    assert points.result(point) == _finished()


@pytest.mark.parametrize("scratch", [False, True], ids=["in_the_point", "in_scratch"])
def test_an_attempt_that_fails_leaves_nothing_nor_what_a_dead_one_left(
    points: Points, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scratch: bool
) -> None:
    place = tmp_path / "scratch" if scratch else points.folder.path
    if scratch:
        monkeypatch.setenv("TWIN_SCRATCH", str(place))
    point = points.scenario()
    dead = place if scratch else points.folder.of(point)
    (dead / f"attempt-{point}-{os.uname().nodename}-{DEAD}" / "run").mkdir(parents=True)

    def fails(scenario: Scenario, folder: Path) -> None:
        folder.mkdir()
        (folder / "large").write_text("x")
        assert folder.is_relative_to(place)
        raise OSError("disk is full")

    outcome = run_point(points.folder.of(point), fails)
    assert (outcome.error.partition(" (")[0], outcome.again) == ("OSError: disk is full", True)
    assert points.files(point) == ["scenario.json"]
    assert not scratch or not list(place.iterdir())


def test_only_what_dead_processes_of_this_host_left_is_removed(tmp_path: Path) -> None:
    host = os.uname().nodename
    left = {
        f"attempt-abcd-{host}-{DEAD}": False,
        f"attempt-abcd-{host}-{os.getppid()}": True,
        f"attempt-abcd-another-{DEAD}": True,
        "scenario.json": True,
    }
    for name in left:
        (tmp_path / name / "run").mkdir(parents=True)
    attempts.remove_dead(tmp_path)
    assert {name: (tmp_path / name).exists() for name in left} == left


@pytest.mark.parametrize("there", [False, True], ids=["new", "left_by_another"])
def test_a_kept_run_takes_its_place(tmp_path: Path, there: bool) -> None:
    run, place = tmp_path / "scratch" / "run", tmp_path / "point" / "run"
    run.mkdir(parents=True)
    place.parent.mkdir()
    (run / "run.h5").write_text("new")
    if there:
        place.mkdir()
        (place / "old").write_text("old")
    attempts.keep(run, place)
    assert [path.name for path in place.iterdir()] == ["run.h5"]
    assert [path.name for path in place.parent.iterdir()] == ["run"]
    assert not run.exists()


def test_points_by_hand(points: Points) -> None:
    well, failing = points.python(WELL, x=2), points.python("def respond(seed): raise ValueError('no good')")
    done = twin("point", points.folder.of(well), points.folder.of(failing))
    first, second = done.stdout.splitlines()
    assert first.startswith(f"{well} done in 0.0 s")
    assert second.startswith(f"{failing} failed in 0.0 s: ValueError: no good (")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert points.result(well).metrics == {"y": {"mean": 2.0}}
    assert twin("point", points.folder.of(well)).returncode == 0


def test_folders_that_there_are_not_are_all_named(tmp_path: Path) -> None:
    done = twin("point", tmp_path / "one", tmp_path / "other")
    assert done.returncode == 2
    assert all(f"{tmp_path / name}: no such folder" in done.stderr for name in ("one", "other"))


def test_points_by_the_lines_of_a_pipe(points: Points) -> None:
    """Without --attached the end of the lines is no reason to stop before all is done."""
    ids = [points.python(WELL, x=x) for x in range(3)]
    first, *others = (str(points.folder.of(point)) for point in ids)
    lines = [first, *(json.dumps({"folder": folder, "attempt": 2}) for folder in others)]
    done = subprocess.run(
        [sys.executable, "-m", "twin", "point", "-"],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["outcome"]["point_id"] for answer in answers[1::2]] == ids
    assert all(answer["begun"] and answer["resident_MB"] > 10 for answer in answers[::2])
    assert [points.result(point).attempts for point in ids] == [1, 2, 2]
