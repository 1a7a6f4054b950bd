"""Workers in jobs of IBM Spectrum LSF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from twin.errors import Problem
from twin.sweep.queues.queue_commands import ask, clock, user
from twin.sweep.queues.queued import QueueCluster

if TYPE_CHECKING:
    from dask_jobqueue.core import JobQueueCluster


class Lsf(QueueCluster):
    """Jobs by ``bsub``."""

    commands = ("bsub", "bkill", "bjobs", "bqueues")

    def dask_cluster(self) -> type[JobQueueCluster]:
        """Return dask-jobqueue's class."""
        from dask_jobqueue import LSFCluster

        return LSFCluster

    def options(self) -> Mapping[str, Any]:
        """Return what LSF calls so: a project pays, and times have no seconds."""
        site = self.site
        walltime = clock(site.walltime_s).rpartition(":")[0]
        return {"queue": site.queue, "project": site.account, "walltime": walltime, "use_stdin": True}

    def asks_for_jobs(self) -> tuple[str, ...]:
        """Return the question for the study's jobs."""
        return ("bjobs", "-u", user(), "-J", self.job_name, "-noheader", "-o", "jobid")

    def refusals(self) -> Iterator[Problem]:
        """Yield a queue that does not exist."""
        if self.site.queue is None:
            return
        try:
            ask("bqueues", self.site.queue)
        except OSError as refusal:
            yield self.problem("queue", f"LSF has no queue {self.site.queue} ({refusal})")
