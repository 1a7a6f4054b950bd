"""Workers in jobs of Slurm. It must not have accounting: only squeue is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from twin.errors import Problem
from twin.scenario.complaints import suggestion
from twin.sweep.queues.queue_commands import ask, clock, user
from twin.sweep.queues.queued import QueueCluster

if TYPE_CHECKING:
    from dask_jobqueue.core import JobQueueCluster


class Slurm(QueueCluster):
    """Jobs by ``sbatch``."""

    commands = ("sbatch", "scancel", "squeue", "sinfo")

    def dask_cluster(self) -> type[JobQueueCluster]:
        """Return dask-jobqueue's class."""
        from dask_jobqueue import SLURMCluster

        return SLURMCluster

    def options(self) -> Mapping[str, Any]:
        """Return what Slurm calls so."""
        site = self.site
        return {"queue": site.queue, "account": site.account, "walltime": clock(site.walltime_s)}

    def asks_for_jobs(self) -> tuple[str, ...]:
        """Return the question for the study's jobs."""
        return ("squeue", "--noheader", "--user", user(), "--name", self.job_name, "--format", "%A")

    def refusals(self) -> Iterator[Problem]:
        """Yield a partition that does not exist; else what Slurm says to the job, which it checks without taking it."""
        try:
            partitions = sorted(set(ask("sinfo", "--noheader", "--format", "%R").split()))
        except OSError as silence:
            yield Problem(str(silence), path=f"--on {self.order.on}")
            return
        if self.site.queue is not None and self.site.queue not in partitions:
            meant = suggestion(self.site.queue, partitions) or f"there are {', '.join(partitions)}"
            yield self.problem("queue", f"Slurm has no partition {self.site.queue}", meant)
            return
        try:
            ask("sbatch", "--test-only", given=self.script())
        except OSError as refusal:
            yield self.problem("", f"Slurm would not take such a job: {refusal}")
