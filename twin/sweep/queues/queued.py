"""Workers that a batch queue starts: jobs are asked for, lost ones replaced, and all of them end with the sweep.

The queue, not Dask, says whether a job lives: a worker that is gone may come back by itself, because its job was put
back into the queue. A job that the queue does not know any more is replaced by another.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shlex
import shutil
import sys
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from twin.errors import InputError, Problem, SimulationError, attempt
from twin.sweep.engine.cluster import Cluster, Order
from twin.sweep.queues.jobs import Jobs
from twin.sweep.queues.keys import keys
from twin.sweep.queues.queue_commands import ask
from twin.sweep.queues.site import load_site

if TYPE_CHECKING:
    from dask_jobqueue.core import JobQueueCluster

_log = logging.getLogger(__name__)

_REFUSED_S = 60.0
"""Wait after a queue took no more jobs, of which there may be a most for each user."""
_DEATH_S = 60.0
"""After which a worker that finds no sweep ends."""
_BARREN_ROUNDS = 3
"""How often in a row jobs may end without that any worker came."""
_NEVER_S = 1e9
_PLAIN = re.compile(r"[\w./+,:@~-]+")
_PLAINLY = "expected letters, digits and . _ - + , : @ ~ only"


class QueueCluster(Cluster):
    """Workers in jobs of a batch queue, by dask-jobqueue."""

    commands: ClassVar[tuple[str, ...]]
    """Programs of the queue: submits, cancels, and then those that tell."""

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        missing = [name for name in self.commands if shutil.which(name) is None]
        problems = [
            Problem(f"there is no {name} on the PATH", path=f"--on {order.on}", suggestion="is this a login node?")
            for name in missing
        ]
        if not _PLAIN.fullmatch(str(order.folder)):
            problems.append(Problem("a queue's jobs cannot name this folder", str(order.folder), suggestion=_PLAINLY))
        site = attempt(problems, partial(load_site, order.site))
        if site is not None:
            self.site, self._document = site.options, site.document
            problems += site.mistakes()
            problems += [] if missing else self.refusals()
        if problems:
            raise InputError(problems)
        self._jobs: Jobs | None = None

    @property
    def jobs(self) -> int:
        """How many jobs there shall be at any time."""
        return self.site.jobs if self.order.workers is None else -(-self.order.workers // self.site.cores)

    @property
    def workers(self) -> int:
        """How many workers that makes: whole jobs of them."""
        return self.jobs * self.site.cores

    @property
    def job_name(self) -> str:
        """What the study's jobs are called: after its folder, so that a later sweep knows them."""
        return f"twin-{hashlib.sha256(str(self.order.folder).encode()).hexdigest()[:8]}"

    def describe(self) -> str:
        """Return what is asked of the queue."""
        queue = f" in queue {self.site.queue}" if self.site.queue else ""
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        return f"{workers} in {self.jobs} {self.order.on} job{'' if self.jobs == 1 else 's'}{queue}"

    def script(self) -> str:
        """Return the job as it is submitted, but for the worker's name and the sweep's address."""
        job = self.dask_cluster().job_cls
        return str(job("tls://sweep:0", name=self.job_name, **self._asked(), **self.options()).job_script())

    @contextmanager
    def open(self) -> Iterator[JobQueueCluster]:
        """Ask for the jobs; on the way out they are cancelled. Raises SimulationError if the queue takes none."""
        import dask

        logs = self.order.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self._cancel_all()
        with dask.config.set({"distributed.deploy.lost-worker-timeout": _NEVER_S}), self._started(logs) as cluster:
            self._jobs = Jobs(cluster, self.jobs, self.job_name)
            try:
                if (refusal := self._jobs.settle(())) and not self._jobs.ids():
                    raise SimulationError(f"{self.commands[0]} took no job: {refusal}")
                yield cluster
            finally:
                self._jobs = None

    @contextmanager
    def _started(self, logs: Path) -> Iterator[JobQueueCluster]:
        site = self.site
        listens = {"interface": site.sweep_interface} if site.sweep_interface else {}
        with keys(logs / "keys") as security:
            cluster = self.dask_cluster()(
                security=security,
                interface=site.interface,
                scheduler_options={"dashboard_address": "127.0.0.1:0", **listens},
                log_directory=str(logs),
                name=self.job_name,
                **self._asked(),
                **self.options(),
            )
            try:
                yield cluster
            finally:
                cluster.close()
                self._cancel_all()  # also those that were being submitted just now

    def keep(self) -> None:
        """Replace jobs that the queue does not know any more. Raises SimulationError if no job brings any worker."""
        if self._jobs is None or not self._jobs.due():
            return
        living = self._living()
        self._jobs.ask_again(self.site.ask_every_s)
        if living is None:
            return  # a queue that does not answer has lost nothing that we know of
        if refusal := self._jobs.settle(self._jobs.lost(living)):
            _log.warning("%s took no further job: %s", self.commands[0], refusal)
            self._jobs.ask_again(_REFUSED_S)
        if self._jobs.barren >= _BARREN_ROUNDS:
            raise SimulationError(
                f"jobs end before a worker of theirs comes; {_last_words(self.order.folder / 'logs')}"
            )

    @abstractmethod
    def dask_cluster(self) -> type[JobQueueCluster]:
        """Return dask-jobqueue's class for this queue; imported here, because it takes its time."""

    @abstractmethod
    def options(self) -> Mapping[str, Any]:
        """Return what only this queue's class calls so: queue, account, walltime."""

    @abstractmethod
    def asks_for_jobs(self) -> tuple[str, ...]:
        """Return the command that prints the ids of all jobs named ``job_name`` that have not ended, a line each."""

    def refusals(self) -> Iterator[Problem]:
        """Yield why the queue would not take the jobs, as far as it can be asked before."""
        yield from ()

    def problem(self, key: str, message: str, meant: str | None = None) -> Problem:
        """Return a problem at a line of the site file, or of all of it."""
        return self._document.problem((key,) if key else (), message, meant)

    def _asked(self) -> dict[str, Any]:
        """Return what all queues' classes call the same."""
        site = self.site
        ends_s = site.walltime_s - min(300.0, max(15.0, site.walltime_s / 10))
        return {
            "cores": site.cores,
            "processes": site.cores,
            "memory": f"{site.memory_GB}GB",
            "job_name": self.job_name,
            "python": site.python or shlex.quote(sys.executable),
            "death_timeout": _DEATH_S,
            "local_directory": '"$TWIN_SCRATCH"' if site.scratch else None,
            # Workers leave in good order before they are killed, and not all of them at once.
            "worker_extra_args": ["--lifetime", f"{ends_s:.0f}s", "--lifetime-stagger", f"{ends_s / 20:.0f}s"],
            "job_script_prologue": [*self._prologue()],
            "job_extra_directives": [*site.directives],
            "job_directives_skip": [*site.leave_out],
            "shebang": "#!/bin/bash -l" if site.modules else "#!/usr/bin/env bash",
        }

    def _prologue(self) -> Iterator[str]:
        site = self.site
        yield f"cd {self.order.folder} || exit 1"
        if site.modules:
            yield f"module load {' '.join(map(shlex.quote, site.modules))} || exit 1"
        if site.scratch:
            yield f'export TWIN_SCRATCH="{site.scratch}"'
            yield 'mkdir -p "$TWIN_SCRATCH" || exit 1'
        yield from site.prologue

    def _living(self) -> set[str] | None:
        """Return the ids of the study's jobs in the queue; None where it does not answer."""
        try:
            answer = ask(*self.asks_for_jobs())
        except OSError as silence:
            _log.warning("the queue does not answer: %s", silence)
            return None
        return {line.split(".")[0].strip() for line in answer.splitlines() if line.strip()}

    def _cancel_all(self) -> None:
        for job in sorted(self._living() or ()):
            try:
                ask(self.commands[1], job)
            except OSError as silence:
                _log.warning("job %s is not cancelled: %s", job, silence)


def _last_words(logs: Path) -> str:
    """Return the end of the youngest job's log."""
    written = [path for path in logs.iterdir() if path.is_file() and not path.name.startswith(".")]
    for path in sorted(written, key=lambda path: path.stat().st_mtime, reverse=True):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-6:]
        if words := " / ".join(line for line in lines if line.strip()):
            return f"{path} ends with: {words}"
    return f"there is no log in {logs}: do the cluster's machines see that folder?"
