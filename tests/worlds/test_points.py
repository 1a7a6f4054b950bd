"""Scenarios as points: the same numbers as a run by hand has, and nothing left behind, however an attempt ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from threading import Thread

import psutil
import pytest

from tests.worlds.command import ROOT
from tests.worlds.points import Points
from twin.analysis.comparison import JudgedRun
from twin.cli.execute import execute
from twin.scenario import load
from twin.sweep.attempt.point import Outcome, run_point
from twin.sweep.attempt.process import PointProcess
from twin.sweep.attempt.scenario_point import STATISTICS

RULES = ("rules.unserved_kWh=1000", "rules.soc_error=0", "rules.isolated_within_s=60")
"""One that is kept, one that is broken, one of which nothing is known."""


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Points:
    return Points(tmp_path_factory.mktemp("points") / "study")


@pytest.fixture(scope="module")
def keeping(points: Points) -> Iterator[PointProcess]:
    """One child for many points, which keeps their runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        with PointProcess(points.folder.path, keep="runs") as process:
            yield process


def _until(condition: Callable[[], bool], limit_s: float = 60.0) -> None:
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def _child() -> psutil.Process:
    (child,) = (one for one in psutil.Process().children() if "--attached" in one.cmdline())
    return child


def _of_attempt(points: Points, point: str) -> int:
    """Wait until a point's run is under way, and return the number of its process."""
    _until(lambda: any(points.folder.of(point).glob("attempt-*/run/manifest.json")))
    (attempt,) = points.folder.of(point).glob("attempt-*")
    return int(attempt.name.rpartition("-")[2])


def _numbers(run: JudgedRun) -> dict[str, dict[str, float]]:
    summaries = {name: asdict(one.summary) for name, one in run.judged.items() if one.summary}
    return {name: {statistic: summary[statistic] for statistic in STATISTICS} for name, summary in summaries.items()}


def test_a_point_has_the_numbers_of_a_run_by_hand(points: Points, keeping: PointProcess, tmp_path: Path) -> None:
    point = points.scenario(*RULES)
    assert keeping.run(point).state == "done"
    execute(load(points.folder.of(point) / "scenario.json"), tmp_path / "run", quiet=True)
    expected = _numbers(JudgedRun.of(tmp_path / "run"))
    assert len(expected) > 5
    assert points.files(point) == ["done.json", "run", "scenario.json"]
    assert _numbers(JudgedRun.of(points.folder.of(point) / "run")) == expected
    metrics = points.result(point).metrics
    assert {name: numbers for name, numbers in metrics.items() if not name.startswith("rule_")} == expected
    rules = {name: numbers for name, numbers in metrics.items() if name.startswith("rule_")}
    assert rules == {"rule_unserved_kWh": {"mean": 1.0}, "rule_soc_error": {"mean": 0.0}}


def test_of_a_run_only_the_numbers_stay(points: Points, keeping: PointProcess) -> None:
    point = points.scenario("seed=2")
    run_point(points.folder.of(point), partial(execute, quiet=True))
    assert points.files(point) == ["done.json", "scenario.json"]
    numbers = points.result(point).metrics
    (points.folder.of(point) / "done.json").unlink()
    assert keeping.run(point).state == "done"
    assert points.result(point).metrics == numbers, "in another process, which has run other points too"


def test_points_leave_no_handles(points: Points, keeping: PointProcess) -> None:
    handles = []
    for seed in range(10, 13):
        assert keeping.run(points.scenario(f"seed={seed}")).state == "done"
        handles.append((_child().num_fds(), _child().num_threads()))
    assert len(set(handles)) == 1


def test_a_killed_attempt_leaves_nothing_and_the_next_is_whole(points: Points, keeping: PointProcess) -> None:
    point = points.scenario("seed=20", "duration_s=120")
    found: list[Outcome] = []
    thread = Thread(target=lambda: found.append(keeping.run(point)))
    thread.start()
    os.kill(_of_attempt(points, point), signal.SIGKILL)
    thread.join(timeout=20.0)
    assert [(one.error, one.again) for one in found] == [("killed by signal 9 (SIGKILL), maybe out of memory", True)]
    assert points.files(point) == ["scenario.json"]
    assert keeping.run(point, attempt=2).state == "done"
    assert points.files(point) == ["done.json", "run", "scenario.json"]


def test_what_a_killed_parent_leaves_goes_with_the_next_attempt(points: Points, keeping: PointProcess) -> None:
    point = points.scenario("seed=30", "duration_s=120")
    program = (
        "import sys; from pathlib import Path; from twin.sweep.attempt.process import PointProcess;"
        "PointProcess(Path(sys.argv[1])).run(sys.argv[2])"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(points.folder.path), point], cwd=ROOT)
    try:
        child = _of_attempt(points, point)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    _until(lambda: not psutil.pid_exists(child), 10.0)
    assert len(points.files(point)) == 2, "the scenario and what the attempt left"
    assert points.folder.state(point) == "open"
    assert keeping.run(point, attempt=2).state == "done"
    assert points.files(point) == ["done.json", "run", "scenario.json"]


def test_a_stopped_run_is_no_result(points: Points) -> None:
    """A cluster ends its jobs by SIGTERM, upon which a run ends in good order: with a part of its hours."""
    point = points.scenario("seed=40", "duration_s=600")
    command = [sys.executable, "-m", "twin", "point", str(points.folder.of(point))]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        assert _of_attempt(points, point) == process.pid
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20.0) == 130
    assert points.files(point) == ["scenario.json"]
