"""Points that run one after another in a child process, and all the ways in which they may end it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import psutil
import pytest

from tests.worlds.command import ROOT
from tests.worlds.points import Points
from twin.sweep.attempt.point import Outcome
from twin.sweep.attempt.process import PointProcess

WELL = "def respond(seed, x=0): return {'y': x}"
WHO = """
import os

def respond(seed, x=0):
    return {"pid": os.getpid(), "group": os.getpgrp()}
"""
SLEEPER = """
import os, subprocess, time
from pathlib import Path

def respond(seed, note):
    sleeper = subprocess.Popen(["sleep", "600"])
    Path(note + ".part").write_text(f"{os.getpid()} {sleeper.pid}")
    Path(note + ".part").rename(note)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _twin_of_this_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # children care for what they print themselves


@pytest.fixture
def points(tmp_path: Path) -> Points:
    return Points(tmp_path / "a study's \t folder")


@pytest.fixture
def process(points: Points) -> Iterator[PointProcess]:
    with PointProcess(points.folder.path, timeout_s=60.0) as process:  # what hangs is to fail
        yield process


def _until(condition: Callable[[], bool], limit_s: float = 20.0) -> bool:
    end_s = time.monotonic() + limit_s
    while not (held := condition()) and time.monotonic() < end_s:
        time.sleep(0.02)
    return held


def _gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def _all_gone(note: Path) -> bool:
    return all(_gone(int(pid)) for pid in note.read_text().split())


def _files(points: Points) -> list[str]:
    return sorted(path.name for path in (points.folder.path / "inputs").iterdir())


def _number(points: Points, process: PointProcess, source: str, name: str, **arguments: Any) -> float:
    point = points.python(source, **arguments)
    outcome = process.run(point)
    assert outcome.state == "done", outcome
    return points.result(point).metrics[name]["mean"]


def test_a_point_is_done(points: Points, process: PointProcess) -> None:
    point = points.python("def respond(seed, x): return {'sum': seed + x, 'nothing': float('nan')}", seed=40, x=2)
    outcome = process.run(point, attempt=3)
    assert (outcome.point_id, outcome.state, outcome.error, outcome.again) == (point, "done", "", False)
    result = points.result(point)
    assert result.metrics == {"sum": {"mean": 42.0}}
    assert (result.state, result.attempts, result.host, result.seconds) == (
        "done",
        3,
        os.uname().nodename,
        outcome.seconds,
    )
    assert points.files(point) == ["call.json", "done.json"]


def test_points_share_a_process_that_terminals_do_not_reach(points: Points, process: PointProcess) -> None:
    pids = {_number(points, process, WHO, "pid", x=x) for x in range(5)}
    assert len(pids) == 1
    assert _number(points, process, WHO, "group", x=9) in pids


def test_a_done_point_is_not_run_again(points: Points, process: PointProcess, tmp_path: Path) -> None:
    source = "def respond(seed, log):\n    open(log, 'a').write('ran ')\n    return {'y': 1}"
    point = points.python(source, log=str(tmp_path / "log"))
    assert [process.run(point).state, process.run(point).state] == ["done", "done"]
    assert (tmp_path / "log").read_text() == "ran "


class Ending(NamedTuple):
    name: str
    source: str
    error: str
    again: bool = True
    dies: bool = False


ENDINGS = (
    Ending("raises", "def respond(seed):\n    raise ValueError('no good')", "ValueError: no good ("),
    Ending("exits", "def respond(seed): raise SystemExit(3)", "SystemExit: 3 ("),
    Ending("no_import", "import not_there", "ModuleNotFoundError: No module named 'not_there' ("),
    Ending("no_function", "x = 1", "has no function respond(seed, **factors)", again=False),
    Ending("a_list", "def respond(seed): return [1]", "respond returned [1]; expected numbers by name", again=False),
    Ending("a_text", "def respond(seed): return {'y': '1'}", "y: respond returned '1'; expected a number", again=False),
    Ending("a_none", "def respond(seed): return {'y': None}", "y: respond returned None; expected a", again=False),
    Ending("ends", "import os, sys\ndef respond(seed):\n    print('why', file=sys.stderr)\n    os._exit(7)",
           "ended with exit code 7: why", dies=True),
    Ending("killed", "import os\ndef respond(seed): os.kill(os.getpid(), 9)",
           "killed by signal 9 (SIGKILL), maybe out of memory", dies=True),
    Ending("crashes", "import os\ndef respond(seed): os.kill(os.getpid(), 11)",
           "killed by signal 11 (SIGSEGV)", dies=True),
)  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_a_failure_is_told_and_the_next_point_goes_well(points: Points, process: PointProcess, ending: Ending) -> None:
    before = _number(points, process, WHO, "pid")
    failing = points.python(ending.source)
    outcome = process.run(failing)
    assert outcome.state == "failed"
    assert ending.error in outcome.error
    assert outcome.again == ending.again
    assert points.folder.state(failing) == "open", "whether it was the last attempt is for others to say"
    after = _number(points, process, WHO, "pid", x=1)
    assert (after != before) == ending.dies
    assert _gone(int(before)) == ending.dies


def test_an_outcome_becomes_a_result(points: Points, process: PointProcess) -> None:
    outcome = process.run(points.python("def respond(seed): raise ValueError('no good')"))
    result = outcome.result(attempts=3)
    assert (result.state, result.attempts, result.metrics) == ("failed", 3, {})
    assert (result.error, result.seconds, result.host) == (outcome.error, outcome.seconds, outcome.host)


def test_a_point_that_takes_too_long_is_killed_with_what_it_started(points: Points, tmp_path: Path) -> None:
    note = tmp_path / "note"
    with PointProcess(points.folder.path, timeout_s=0.7) as process:
        outcome = process.run(points.python(SLEEPER, note=str(note)))
        assert (outcome.error, outcome.again) == ("took longer than 0.7 s", True)
        assert 0.7 <= outcome.seconds < 3.0
        assert _until(lambda: _all_gone(note))
        assert _number(points, process, WELL, "y", x=5) == 5.0


def test_a_point_that_eats_memory_is_killed(points: Points) -> None:
    eater = "import time\ndef respond(seed):\n    eaten = b'x' * 300_000_000\n    time.sleep(60)"
    with PointProcess(points.folder.path, memory_bytes=200_000_000) as process:
        outcome = process.run(points.python(eater))
        assert outcome.error == f"out of memory: used {outcome.memory_MB:.0f} MB of 200 MB"
        assert outcome.memory_MB > 200
        assert outcome.again
        assert outcome.seconds < 5.0


def test_memory_of_what_a_point_starts_counts(points: Points) -> None:
    eater = """
        import subprocess, sys
        def respond(seed):
            subprocess.run([sys.executable, "-c", "import time; x = b'x' * 300_000_000; time.sleep(60)"])
    """
    with PointProcess(points.folder.path, memory_bytes=200_000_000) as process:
        assert process.run(points.python(eater)).error.startswith("out of memory: used ")


def test_the_peak_is_of_the_point_alone(points: Points, process: PointProcess) -> None:
    large = process.run(points.python("def respond(seed):\n    return {'y': len(b'x' * 200_000_000)}"))
    small = process.run(points.python(WELL))
    assert large.memory_MB > 200
    assert small.memory_MB < large.memory_MB - 150


def test_a_child_that_keeps_memory_is_replaced(points: Points) -> None:
    hoarder = "import os\nkept = []\ndef respond(seed, x):\n    kept.append(b'x' * x)\n    return {'pid': os.getpid()}"
    with PointProcess(points.folder.path, memory_bytes=250_000_000) as process:
        pids = [_number(points, process, hoarder, "pid", x=x) for x in (1_000, 150_000_000, 2_000, 3_000)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_what_a_failed_point_prints_is_kept(points: Points, process: PointProcess) -> None:
    chatty = """
        import os, sys
        def respond(seed, ends):
            print("to output")
            os.write(1, b"from native code\\n")
            print("to errors", file=sys.stderr)
            if ends == "killed":
                os.kill(os.getpid(), 9)
            if ends == "failed":
                raise ValueError("no good")
            return {"y": 1}
    """
    ids = {ends: points.python(chatty, ends=ends) for ends in ("done", "failed", "killed")}
    logs = {}
    for ends, point in ids.items():
        assert process.run(point).state == ("done" if ends == "done" else "failed")
        log = points.folder.of(point) / "log.txt"
        logs[ends] = log.read_text() if log.exists() else None
    assert logs["done"] is None
    assert logs["killed"] == "to output\nfrom native code\nto errors\n"
    assert logs["failed"] is not None
    assert logs["failed"].startswith(logs["killed"])
    assert logs["failed"].endswith("ValueError: no good\n")


def test_the_log_of_a_failure_goes_with_it(points: Points, process: PointProcess, tmp_path: Path) -> None:
    moody = "import os\ndef respond(seed, mood):\n    print(os.listdir(mood))\n    return {'y': 1}"
    point = points.python(moody, mood=str(tmp_path / "mood"))
    assert "FileNotFoundError" in process.run(point).error
    assert points.files(point) == ["call.json", "log.txt"]
    (tmp_path / "mood").mkdir()
    assert process.run(point, attempt=2).state == "done"
    assert points.files(point) == ["call.json", "done.json"]


def test_a_point_cannot_take_the_requests(points: Points, process: PointProcess) -> None:
    assert _number(points, process, "import sys\ndef respond(seed): return {'y': len(sys.stdin.read())}", "y") == 0.0
    assert _number(points, process, WELL, "y", x=5) == 5.0


def test_nothing_is_left_behind(points: Points, process: PointProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    pid = int(_number(points, process, WHO, "pid"))
    points.python(WELL)
    inputs = _files(points)
    handles = psutil.Process(pid).num_fds(), psutil.Process().num_fds()
    for x in range(100):
        assert process.run(points.python(WELL, x=x)).state == "done"
    assert (psutil.Process(pid).num_fds(), psutil.Process().num_fds()) == handles
    assert _files(points) == inputs


def test_children_that_die_leave_no_handles(points: Points, process: PointProcess) -> None:
    killed = "import os\ndef respond(seed, x): os.kill(os.getpid(), 9)"
    process.run(points.python(killed, x=0))
    handles = psutil.Process().num_fds()
    for x in range(1, 4):
        assert process.run(points.python(killed, x=x)).state == "failed"
    assert psutil.Process().num_fds() == handles


def test_a_file_that_has_changed_is_read_again(points: Points, process: PointProcess) -> None:
    assert _number(points, process, WELL, "y", x=1) == 1.0
    point = points.python(WELL, x=2)
    (file,) = (points.folder.path / "inputs").iterdir()
    file.write_text("def respond(seed, x): return {'y': -x}")
    assert process.run(point).state == "done"
    assert points.result(point).metrics["y"]["mean"] == -2.0


@pytest.mark.parametrize(("stated", "found"), [(None, 1.0), ("3", 3.0)])
def test_threads_are_pinned_unless_stated(
    points: Points, monkeypatch: pytest.MonkeyPatch, stated: str | None, found: float
) -> None:
    if stated is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", stated)
    source = "import os\ndef respond(seed): return {'threads': int(os.environ['OMP_NUM_THREADS'])}"
    with PointProcess(points.folder.path) as process:
        assert _number(points, process, source, "threads") == found


def test_closing_ends_the_point_under_way(points: Points, tmp_path: Path) -> None:
    note = tmp_path / "note"
    process = PointProcess(points.folder.path, timeout_s=30.0)
    found: list[Outcome] = []
    point = points.python(SLEEPER, note=str(note))
    thread = Thread(target=lambda: found.append(process.run(point)))
    thread.start()
    assert _until(note.exists)
    process.close()
    thread.join(timeout=5.0)
    assert [(outcome.error, outcome.again) for outcome in found] == [("stopped", True)]
    assert found[0].seconds < 20.0, "not by its time limit"
    assert _until(lambda: _all_gone(note))
    assert process.run(point).error == "stopped before it began"


def test_a_child_that_died_between_points_is_replaced(points: Points, process: PointProcess) -> None:
    pid = int(_number(points, process, WHO, "pid"))
    os.kill(pid, signal.SIGKILL)
    assert _until(lambda: _gone(pid))
    assert _number(points, process, WELL, "y", x=5) == 5.0


def test_a_child_that_cannot_start_says_why(
    points: Points, process: PointProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    outcome = process.run(points.python(WELL))
    assert "ended with exit code 1: " in outcome.error
    monkeypatch.delenv("PYTHONHOME")
    assert _number(points, process, WELL, "y", x=5) == 5.0


def test_a_machine_that_starts_no_process_is_a_failure(
    points: Points, process: PointProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = points.python(WELL)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    outcome = process.run(point)
    assert outcome.error.startswith("no process for it can be started: ")
    assert outcome.again
    monkeypatch.undo()
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert process.run(point).state == "done"


def test_a_child_does_not_outlive_its_parent(points: Points, tmp_path: Path) -> None:
    note = tmp_path / "note"
    point = points.python(SLEEPER, note=str(note))
    parent = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import sys; from pathlib import Path; from twin.sweep.attempt.process import PointProcess;"
            "PointProcess(Path(sys.argv[1])).run(sys.argv[2])",
            *(str(points.folder.path), point),
        ],
        cwd=ROOT,
    )
    try:
        assert _until(note.exists)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert _until(lambda: _all_gone(note), 5.0)
