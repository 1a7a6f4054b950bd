"""The engine on real Dask workers: what it costs, what it holds, and workers that cannot run points."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import dask
import psutil
import pytest
from distributed import Client, LocalCluster, Worker

from tests.worlds.command import ROOT
from tests.worlds.points import Points
from twin.errors import SimulationError
from twin.sweep.attempt.point import Outcome
from twin.sweep.engine.cluster import Cluster, Order
from twin.sweep.engine.clusters.address import Address
from twin.sweep.engine.clusters.local import Local
from twin.sweep.engine.engine import Engine
from twin.sweep.engine.worker import Orders, version

TOKEN = "0123456789abcdef"
EMPTY = "def respond(seed, x):\n    return {'y': x}\n"


@pytest.fixture
def points(tmp_path: Path) -> Points:
    """A study's folder whose coordinator is this test."""
    made = Points(tmp_path / "study")
    (made.folder.path / "coordinator.json").write_text(f'{{"token": "{TOKEN}"}}')
    return made


def _engine(points: Points, cluster: Cluster | None = None, **orders: object) -> Engine:
    folder = points.folder.path
    given = Orders("sweep-test", str(folder), TOKEN, version(), None, None, "results", probe_s=0.0)
    return Engine(cluster or Local(Order("local", folder, 2)), replace(given, **orders), 0, pytest.fail)  # type: ignore[arg-type]


def test_many_empty_points_cost_little_and_hold_little(points: Points) -> None:
    """1000 points: at most 10 ms each, with no more open files and little more memory at the end than early on."""
    ids = [points.python(EMPTY, x=number) for number in range(1000)]
    engine = _engine(points)
    own = psutil.Process()
    held: list[tuple[int, float]] = []

    def look() -> bool:
        held.append((own.num_fds(), own.memory_info().rss / 1e6))
        return True

    outcomes: list[Outcome] = []
    with engine.open():
        engine.run(ids[:20], lambda outcome, _: outcomes.append(outcome), look)  # processes start
        began_s = time.perf_counter()
        engine.run(ids[20:], lambda outcome, _: outcomes.append(outcome), look)
        seconds = time.perf_counter() - began_s
    assert sorted(outcome.point_id for outcome in outcomes if outcome.state == "done") == sorted(ids)
    assert seconds / 980 < 0.010
    files = [number for number, _ in held[1:]]
    assert max(files) - min(files) <= 4
    assert held[-1][1] - held[1][1] < 30.0


def test_a_point_that_is_done_is_not_run(points: Points, tmp_path: Path) -> None:
    """Two coordinators may have sent it, or a worker died after it."""
    calls = tmp_path / "calls"
    source = f"def respond(seed, x):\n    open({str(calls)!r}, 'a').write('x')\n    return {{'y': x}}\n"
    ids = [points.python(source, x=number) for number in range(3)]
    outcomes: list[Outcome] = []
    engine = _engine(points, Local(Order("local", points.folder.path, 1)))
    with engine.open():
        for _ in range(2):
            engine.run(ids, lambda outcome, _: outcomes.append(outcome), lambda: True)
    assert [outcome.state for outcome in outcomes] == ["done"] * 6
    assert calls.read_text() == "xxx"


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        pytest.param({"version": "0.0.0"}, r"has bms-twin .*, the sweep 0\.0\.0", id="another version"),
        pytest.param({"token": "another"}, "does not see the study's folder .* all share", id="another folder"),
    ],
)
def test_workers_that_cannot_run_points(points: Points, orders: dict[str, str], said: str) -> None:
    point = points.python(EMPTY, x=1)
    engine = _engine(points, Local(Order("local", points.folder.path, 1)), **orders)
    with engine.open(), pytest.raises(SimulationError, match=said):
        engine.run([point], lambda *_: None, lambda: True)
    assert points.files(point) == ["call.json"]


def test_a_worker_that_joins_and_cannot_run_points_is_let_go(points: Points, tmp_path: Path) -> None:
    """Another version of the package on one machine does not end a study that others can run."""
    gate = tmp_path / "gate"
    waits = f"while x >= 2 and not os.path.exists({str(gate)!r}): time.sleep(0.05)"
    source = f"import os, time\ndef respond(seed, x):\n    {waits}\n    return {{'y': x}}\n"
    ids = [points.python(source, x=number) for number in range(6)]
    warnings: list[str] = []

    def warn(text: str) -> None:
        warnings.append(text)
        gate.touch()

    outcomes: list[Outcome] = []
    other: list[subprocess.Popen[bytes]] = []
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1") as somebodys:
        address = somebodys.scheduler_address
        engine = _engine(points, Address(Order(address, points.folder.path)))
        engine.warn = warn

        def look() -> bool:
            if len(outcomes) >= 2 and not other:
                other.append(_old_worker(tmp_path / "old", address))
            return True

        with engine.open():
            engine.run(ids, lambda outcome, _: outcomes.append(outcome), look)
        assert other[0].wait(30.0) == 0
    assert [outcome.state for outcome in outcomes] == ["done"] * 6
    assert len(warnings) == 1
    assert "has bms-twin 0.0.0" in warnings[0]


def _old_worker(folder: Path, address: str) -> subprocess.Popen[bytes]:
    """Start a Dask worker on which another version of the package is installed."""
    facts = folder / "bms_twin-0.0.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: bms-twin\nVersion: 0.0.0\n")
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
        stderr=subprocess.DEVNULL,
    )


def test_a_scheduler_that_runs_already_is_left_as_it_was(points: Points) -> None:
    """Workers of two threads run two points at a time; afterwards they are there, and no process of ours."""
    ids = [
        points.python("import time\ndef respond(seed, x):\n    time.sleep(0.3)\n    return {'y': x}\n", x=number)
        for number in range(8)
    ]
    with LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=":0", host="127.0.0.1") as somebodys:
        address = somebodys.scheduler_address
        engine = _engine(points, Address(Order(address, points.folder.path)))
        most = [0]

        def look() -> bool:
            most.append(len(_children()))
            return True

        outcomes: list[Outcome] = []
        with engine.open():
            engine.run(ids, lambda outcome, _: outcomes.append(outcome), look)
        with Client(address, set_as_default=False) as client:
            plugins = client.run(_plugins)
        assert (len(outcomes), max(most), _children()) == (8, 2, [])
    assert list(plugins.values()) == [[]]


def _plugins(dask_worker: Worker) -> list[str]:
    return [name for name in dask_worker.plugins if "sweep" in name]


def _children() -> list[psutil.Process]:
    """Return the processes that run points."""
    return [one for one in psutil.Process().children(recursive=True) if "--attached" in one.cmdline()]


def test_a_worker_that_is_lost_is_back_however_long_that_takes(points: Points) -> None:
    """Dask's cluster would give it up here before its process can have started again."""
    ids = [points.python("import os, signal\n" + KILLS, x=number) for number in range(2)]
    outcomes: list[Outcome] = []
    engine = _engine(points, Local(Order("local", points.folder.path, 1)))
    end_s = time.monotonic() + 60.0
    with dask.config.set({"distributed.deploy.lost-worker-timeout": 0.1}), engine.open():
        engine.run(ids, lambda outcome, _: outcomes.append(outcome), lambda: time.monotonic() < end_s)
    assert sorted(outcome.state for outcome in outcomes) == ["done", "failed"]


KILLS = """
def respond(seed, x):
    return {'y': x if x else os.kill(os.getppid(), signal.SIGKILL)}
"""


def test_a_point_that_outlives_its_worker_is_given_up(points: Points) -> None:
    """Workers leave before their walltime, and Dask moves what they leave, for ever if nobody counts."""
    stuck = points.python("import time\ndef respond(seed, x):\n    time.sleep(300)\n", x=1)
    ended: list[tuple[Outcome, int]] = []
    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", lifetime="2s", lifetime_restart=True
    ) as somebodys:
        engine = _engine(points, Address(Order(somebodys.scheduler_address, points.folder.path)))
        engine.retries = 1
        with engine.open():
            engine.run([stuck], lambda *end: ended.append(end), lambda: True)
    ((outcome, attempts),) = ended
    assert (outcome.state, attempts) == ("failed", 2)
    assert "a worker here leaves after 2 s, before its job's walltime is over" in outcome.error


def test_a_point_that_is_given_up_makes_room(points: Points, tmp_path: Path) -> None:
    """Its next worker has begun it by then, and would be busy with it for as long as it lives."""
    calls = tmp_path / "calls"
    waits = f"x == 0 and (open({str(calls)!r}, 'a').write('x'), time.sleep(300))"
    source = f"import time\ndef respond(seed, x):\n    {waits}\n    return {{'y': x}}\n"
    ids = [points.python(source, x=number) for number in range(4)]
    outcomes: list[Outcome] = []
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as somebodys:
        engine = _engine(points, Address(Order(somebodys.scheduler_address, points.folder.path)))

        def let_go() -> bool:
            if calls.exists() and len(somebodys.scheduler_info["workers"]) == 2 and len(outcomes) == 3:
                (busy,) = engine.running()
                somebodys.sync(somebodys.scheduler.retire_workers, [busy.worker], close_workers=True)
            return True

        end_s = time.monotonic() + 60.0
        with engine.open():
            engine.run(ids, lambda outcome, _: outcomes.append(outcome), lambda: let_go() and time.monotonic() < end_s)
            again = [points.python(source, x=number) for number in range(4, 6)]
            engine.run(again, lambda outcome, _: outcomes.append(outcome), lambda: time.monotonic() < end_s)
    assert [outcome.state for outcome in outcomes] == ["done"] * 3 + ["failed"] + ["done"] * 2
    assert "or somebody let it go" in outcomes[3].error


def test_no_scheduler_answers(points: Points, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gone again when the first point is ready."""
    monkeypatch.setattr("twin.sweep.engine.engine.ANSWER_S", 0.5)
    with LocalCluster(n_workers=0, processes=False, protocol="tcp", dashboard_address=None) as there:
        address = there.scheduler_address
        engine = _engine(points, Address(Order(address, points.folder.path)))
        assert engine.cluster.describe() == f"the workers of {address}"
    with pytest.raises(SimulationError, match=f"no Dask scheduler answers at {address}"), engine.open():
        pass


class Failing(Local):
    """A queue whose jobs end before a worker of theirs comes, once the first point runs."""

    def keep(self) -> None:
        """Give up."""
        if (self.order.folder / "calls").exists():
            (self.order.folder / "gate").touch()
            raise SimulationError("jobs end before a worker of theirs comes")


def test_what_runs_ends_before_a_cluster_that_is_hopeless_ends_the_sweep(
    points: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twin.sweep.engine.engine.UPKEEP_S", 0.2)
    calls, gate = points.folder.path / "calls", points.folder.path / "gate"
    waits = f"while not os.path.exists({str(gate)!r}): time.sleep(0.05)"
    source = (
        f"import os, time\ndef respond(seed, x):\n    open({str(calls)!r}, 'a').write('x')\n    {waits}\n"
        "    time.sleep(1.0)\n    return {'y': x}\n"
    )
    ids = [points.python(source, x=number) for number in range(9)]
    outcomes: list[Outcome] = []
    engine = _engine(points, Failing(Order("local", points.folder.path, 1)))
    with engine.open(), pytest.raises(SimulationError, match="jobs end before a worker of theirs comes"):
        engine.run(ids, lambda outcome, _: outcomes.append(outcome), lambda: True)
    assert [outcome.state for outcome in outcomes] == ["done"]
    assert calls.read_text() == "x", "another point was begun"


def test_workers_that_one_after_another_cannot_run_points_end_the_sweep(points: Points, tmp_path: Path) -> None:
    """A queue would bring further ones of the same kind for ever."""
    ids = [points.python(EMPTY, x=number) for number in range(2)]
    warnings: list[str] = []
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1") as somebodys:
        address = somebodys.scheduler_address
        engine = _engine(points, Address(Order(address, points.folder.path)))
        engine.warn = warnings.append
        with engine.open():
            engine.run(ids[:1], lambda *_: None, lambda: True)
            somebodys.scale(0)
            old = [_old_worker(tmp_path / f"old{number}", address) for number in range(3)]
            try:
                with pytest.raises(SimulationError, match=r"has bms-twin 0\.0\.0, .*; 3 workers in a row could not"):
                    engine.run(ids[1:], lambda *_: None, lambda: True)
            finally:
                for one in old:
                    one.terminate()
    assert len(warnings) == 1, "the same is told once"
