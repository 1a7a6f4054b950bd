"""Studies on a real Slurm: whatever is lost on the way, each point is in the table once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pandas as pd
import pytest

from tests.slurm.conftest import Lab, Sweep
from twin.sweep.results.table import table_of

Make = Callable[..., Sweep]


def _is_whole(sweep: Sweep, points: int) -> pd.DataFrame:
    """Check that every point is done, and there once, and return the table."""
    table = table_of(sweep.folder)
    assert len(table) == points
    assert list(table["status"].unique()) == ["done"]
    assert table["id"].is_unique
    assert table["y"].notna().all()
    return table


@pytest.mark.usefixtures("short_jobs")
def test_study_outlives_what_happens_to_its_jobs(lab: Lab, sweep: Make) -> None:
    points = 600
    study = sweep(points, 0.5, "jobs: 2\ncores: 1\n").start()

    def running() -> list[str]:
        return lab.jobs(study.name, "RUNNING")

    def works(count: int) -> bool:
        """Whether so many jobs have a child that runs points."""
        return sum(bool(lab.processes(job, "twin point -")) for job in running()) >= count

    study.until(lambda: works(2))
    cancelled, requeued = running()
    lab.ask("scancel", cancelled)
    study.until(lambda: cancelled not in lab.jobs(study.name) and works(2))
    assert requeued in running(), "a job that nothing happened to goes on"

    lab.ask("scontrol", "requeue", requeued)
    study.until(lambda: requeued not in running())
    study.until(lambda: works(2))
    assert requeued in running(), "a job that is back in the queue is not replaced as well"

    worker = lab.processes(running()[0], "dask_worker")[-1]
    worker.kill()
    study.until(lambda: not worker.is_running() and works(2))

    dark = lab.node_of(running()[0])
    lab.cut_power(dark)
    study.until(lambda: any(dark in line for line in lab.ask("sinfo", "-h", "-N", "-t", "down", "-o", "%N")))
    study.until(lambda: works(2))
    lab.power_on(dark)

    study.hurry.touch()
    assert study.end() == 0, study.log.read_text()
    table = _is_whole(study, points)
    assert table["attempts"].max() > 1, "something was lost on the way"
    assert lab.jobs(study.name) == []


def test_sweep_that_is_killed_leaves_no_jobs_and_goes_on(lab: Lab, sweep: Make) -> None:
    points = 40
    study = sweep(points, 0.3, "jobs: 1\ncores: 2\n").start()
    study.until(lambda: len(study.done()) >= 8)
    study.kill()
    end_s = time.monotonic() + 30.0
    while lab.jobs(study.name):
        assert time.monotonic() < end_s, "jobs of a dead sweep go on"
        time.sleep(0.2)
    before = {point_id: study.folder.result(point_id) for point_id in study.done()}
    assert 8 <= len(before) < points
    assert study.start().end() == 0, study.log.read_text()
    _is_whole(study, points)
    after = {point_id: study.folder.result(point_id) for point_id in before}
    assert after == before, "points that were done are run again"


def test_cancel_frees_the_queue(lab: Lab, sweep: Make) -> None:
    study = sweep(400, 0.2, "jobs: 2\n").start()
    study.until(lambda: len(study.done()) >= 3)
    (study.folder.path / "cancel").touch()
    assert study.end(30.0) == 130, study.log.read_text()
    assert lab.jobs(study.name) == []
    assert not list(study.folder.path.glob("points/*/*/failed.json"))


def test_jobs_that_cannot_work_end_the_sweep(lab: Lab, sweep: Make) -> None:
    study = sweep(4, 0.1, "prologue: ['echo no such licence >&2; exit 3']\n").start()
    assert study.end(60.0) == 1
    said = study.log.read_text()
    assert "jobs end before a worker of theirs comes" in said
    assert "no such licence" in said
    assert lab.jobs(study.name) == []


def test_jobs_whose_time_is_over_are_followed_by_others(short_jobs: Sweep) -> None:
    """A point that no job has the time for is given up; it does not keep the others from being run."""
    assert short_jobs.end() == 0, short_jobs.log.read_text()
    table = table_of(short_jobs.folder).set_index("wait_s")
    assert dict(table["status"]) == {0.1: "done", 300.0: "failed", 0.2: "done", 0.3: "done"}
    assert table["attempts"].to_list() == [1, 1, 1, 1]
    assert "before its job's walltime is over" in table["error"][300.0]
    assert len(list((short_jobs.folder.path / "logs").glob("*.err"))) == 2, "the others are done by the second job"
