"""Workers in jobs of PBS (OpenPBS, PBS Pro, Torque)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from twin.errors import Problem
from twin.sweep.queues.queue_commands import ask, clock, user
from twin.sweep.queues.queued import QueueCluster

if TYPE_CHECKING:
    from dask_jobqueue.core import JobQueueCluster


class Pbs(QueueCluster):
    """Jobs by ``qsub``."""

    commands = ("qsub", "qdel", "qselect", "qstat")

    def dask_cluster(self) -> type[JobQueueCluster]:
        """Return dask-jobqueue's class."""
        from dask_jobqueue import PBSCluster

        return PBSCluster

    def options(self) -> Mapping[str, Any]:
        """Return what PBS calls so."""
        site = self.site
        return {"queue": site.queue, "account": site.account, "walltime": clock(site.walltime_s)}

    def asks_for_jobs(self) -> tuple[str, ...]:
        """Return the question for the study's jobs."""
        return ("qselect", "-u", user(), "-N", self.job_name)

    def refusals(self) -> Iterator[Problem]:
        """Yield a queue that does not exist."""
        if self.site.queue is None:
            return
        try:
            ask("qstat", "-Q", self.site.queue)
        except OSError as refusal:
            yield self.problem("queue", f"PBS has no queue {self.site.queue} ({refusal})")
