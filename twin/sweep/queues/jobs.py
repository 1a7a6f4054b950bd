"""The jobs of an open cluster: which bring workers, which are lost, and how others take their place."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dask_jobqueue.core import JobQueueCluster


class Jobs:
    """The jobs of an open cluster."""

    def __init__(self, cluster: JobQueueCluster, wanted: int, name: str) -> None:
        self._cluster = cluster
        self._wanted = wanted
        self._name = name
        self._made = 0
        self._missing: set[str] = set()
        self._fruitful: set[str] = set()
        self._due_s = 0.0
        self.barren = 0

    def due(self) -> bool:
        """Say whether it is time to ask the queue."""
        return time.monotonic() >= self._due_s

    def ask_again(self, wait_s: float) -> None:
        """Have the queue asked no sooner."""
        self._due_s = time.monotonic() + wait_s

    def ids(self) -> set[str]:
        """Return the jobs that the queue took."""
        return {job.job_id for job in self._cluster.workers.values() if job.job_id}

    def lost(self, living: set[str]) -> list[str]:
        """Return names of the jobs that ended: twice in a row not in the queue, which may tell of a new one late."""
        self._look()
        jobs = dict(self._cluster.workers)
        gone = {name for name, job in jobs.items() if job.job_id not in living}
        lost = [name for name in jobs if name in gone & self._missing or jobs[name].job_id is None]
        self._missing = gone - set(lost)
        if lost and not self._fruitful.intersection(lost):
            self.barren += 1
        return lost

    def settle(self, lost: Iterable[str]) -> str:
        """Give up the lost, ask for as many as are wanted, and return why not all were taken, or nothing."""
        try:
            self._cluster.sync(self._settle, tuple(lost))
        except (RuntimeError, ValueError, OSError) as refusal:
            return _gist(str(refusal))
        return ""

    async def _settle(self, lost: tuple[str, ...]) -> None:
        for name in lost:
            self._cluster.worker_spec.pop(name, None)
        while len(self._cluster.worker_spec) < self._wanted:
            # Never a name twice: the scheduler refuses a worker while it has not noticed that its namesake is gone.
            self._cluster.worker_spec[f"{self._name}-{self._made}"] = self._cluster.new_spec
            self._made += 1
        try:
            await self._cluster
        finally:
            from distributed.core import Status

            for job in self._cluster.workers.values():
                if not job.job_id:
                    job.status = Status.failed

    def _look(self) -> None:
        """Note which jobs have brought workers."""
        present = {str(worker.name) for worker in tuple(self._cluster.scheduler.workers.values())}
        for name in self._cluster.workers:
            if name in present or any(worker.startswith(f"{name}-") for worker in present):
                self._fruitful.add(name)
                self.barren = 0


def _gist(complaint: str) -> str:
    """Return what the queue said, out of what dask-jobqueue makes of it."""
    said = complaint.partition("stderr:\n")[2] or complaint
    return " ".join(said.split())
