"""Workers from a batch queue: they come, a lost job is replaced, and none is left behind."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from distributed import Client

from tests.worlds import small_queue
from twin.errors import SimulationError
from twin.sweep.engine.cluster import Order
from twin.sweep.engine.clusters.lsf import Lsf
from twin.sweep.engine.clusters.pbs import Pbs
from twin.sweep.queues.queued import QueueCluster

KINDS: dict[str, type[QueueCluster]] = {"pbs": Pbs, "lsf": Lsf}


@pytest.fixture(params=list(KINDS))
def queue(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    kind = str(request.param)
    programs = tmp_path / "programs"
    programs.mkdir()
    small_queue.install(programs, kind)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return kind


def _cluster(kind: str, folder: Path, more: str = "") -> QueueCluster:
    site = folder / "site.yaml"
    site.write_text(f"queue: main\ninterface: lo\njobs: 2\nmemory_GB: 1\nask_every_s: 1\n{more}")
    return KINDS[kind](Order(kind, folder / "study", None, site))


def _jobs(cluster: QueueCluster) -> list[str]:
    answer = subprocess.run(cluster.asks_for_jobs(), capture_output=True, text=True, check=True)
    return answer.stdout.split()


def _until(cluster: QueueCluster, there: Callable[[], bool], limit_s: float = 40.0) -> None:
    """Keep the cluster until it is as it shall be."""
    end_s = time.monotonic() + limit_s
    while not there():
        assert time.monotonic() < end_s, f"jobs {_jobs(cluster)}"
        cluster.keep()
        time.sleep(0.2)


@contextmanager
def _workers(cluster: QueueCluster) -> Iterator[Callable[[], int]]:
    with cluster.open() as reached, Client(reached) as client:
        yield lambda: len(client.scheduler_info(n_workers=-1)["workers"])


def _is_silent(cluster: QueueCluster, program: Path) -> None:
    """Have the queue not answer for a while; nothing may count as lost then."""
    before, answers = _jobs(cluster), program.read_text()
    program.write_text("#!/bin/sh\nexit 1\n")
    for _ in range(5):
        cluster.keep()
        time.sleep(0.6)
    program.write_text(answers)
    assert _jobs(cluster) == before


def test_lost_job_is_replaced(queue: str, tmp_path: Path) -> None:
    cluster = _cluster(queue, tmp_path)
    with _workers(cluster) as count:
        _until(cluster, lambda: count() == 2)
        _is_silent(cluster, tmp_path / "programs" / cluster.commands[2])
        first, second = _jobs(cluster)
        subprocess.run([cluster.commands[1], first], check=True)
        _until(cluster, lambda: first not in _jobs(cluster) and len(_jobs(cluster)) == 2 and count() == 2)
        assert second in _jobs(cluster)
    assert _jobs(cluster) == []
    assert not (tmp_path / "study" / "logs" / "keys").exists()


def test_jobs_of_a_killed_sweep_are_cancelled(queue: str, tmp_path: Path) -> None:
    cluster = _cluster(queue, tmp_path)
    job = tmp_path / "job"
    job.write_text(f"#PBS -N {cluster.job_name}\n#BSUB -J {cluster.job_name}\nsleep 600\n")
    subprocess.run(f"{cluster.commands[0]} {'<' if queue == 'lsf' else ''} {job}", shell=True, check=True)
    (left,) = _jobs(cluster)
    with cluster.open():
        assert left not in _jobs(cluster)


@pytest.mark.parametrize("queue", ["pbs"], indirect=True)
def test_jobs_that_bring_no_workers_end_it(queue: str, tmp_path: Path) -> None:
    cluster = _cluster(queue, tmp_path, "prologue: ['exit 3']\n")
    with pytest.raises(SimulationError, match="jobs end before a worker of theirs comes"), cluster.open():
        _until(cluster, lambda: False)


@pytest.mark.parametrize("queue", ["pbs"], indirect=True)
def test_queue_that_takes_no_job(queue: str, tmp_path: Path) -> None:
    cluster = _cluster(queue, tmp_path)
    (tmp_path / "programs" / cluster.commands[0]).write_text("#!/bin/sh\necho 'too many jobs' >&2; exit 1\n")
    with pytest.raises(SimulationError, match=f"{cluster.commands[0]} took no job"), cluster.open():
        pass
