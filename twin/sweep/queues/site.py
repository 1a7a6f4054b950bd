"""The site file: what a cluster's queues, accounts and modules are called, and what a job asks for.

One file serves Slurm, PBS and LSF, because each of them calls the same things by other names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import psutil
from pydantic import BeforeValidator, Field, ValidationError

from twin.errors import InputError, Problem
from twin.options import Options
from twin.quantity import Seconds
from twin.scenario.complaints import complaints, found, suggestion
from twin.scenario.document import Document, Place, read

_CLOCK = re.compile(r"(?:(\d+)-)?(\d+):([0-5]\d):([0-5]\d)")


def _clock(value: Any) -> Any:
    """Return the seconds of ``2-12:00:00`` or ``60:00:00``, as queues spell times; anything else as it is."""
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


Walltime = Annotated[Seconds, BeforeValidator(_clock)]
Word = Annotated[str, Field(pattern=r"^[^\s\"'$`;&|<>]+$")]
Line = Annotated[str, Field(pattern=r"^[^\n]+$")]


class Site(Options):
    """What jobs on a cluster ask for; a job is a batch of workers that start and end together."""

    queue: Word | None = None
    """Slurm's partition; the cluster's own choice unless given."""
    account: Word | None = None
    """Who pays: Slurm's and PBS's account, LSF's project."""
    jobs: Annotated[int, Field(ge=1, le=10_000)] = 1
    """How many jobs, unless ``--workers`` says how many workers."""
    cores: Annotated[int, Field(ge=1, le=1024)] = 1
    """Of a job, each with a worker, and so with a point at a time."""
    memory_GB: Annotated[float, Field(gt=0, le=100_000)] = 4.0
    """Of a job, shared by its cores; no point may take more than its worker's part."""
    walltime_s: Annotated[Walltime, Field(ge=60, le=366 * 86400)] = 3600.0
    """Of a job: ``4 h``, or as queues spell it, ``04:00:00``. When it ends, another job takes its place."""
    modules: tuple[Word, ...] = ()
    """Loaded in a job before all else."""
    prologue: tuple[Line, ...] = ()
    """Lines of shell that a job runs before its workers: ``source /project/venv/bin/activate``."""
    directives: tuple[Line, ...] = ()
    """Further lines of the job's head, without ``#SBATCH``, ``#PBS`` or ``#BSUB``: ``--constraint=rome``."""
    leave_out: tuple[Line, ...] = ()
    """Lines of the job's head that contain one of these are left out, where a site wants no ``--mem``, say."""
    python: Line | None = None
    """The command that is Python in a job, ``apptainer exec twin.sif python``; the sweep's own unless given."""
    interface: Word | None = None
    """Network by which workers and sweep talk: ``ib0``."""
    sweep_interface: Word | None = None
    """The same on the machine that runs the sweep, where it has another name there."""
    scratch: Annotated[str, Field(pattern=r"^[^\n\"`]+$")] | None = None
    """A fast folder of a job's own machine, ``$TMPDIR``, where runs are written before they are done."""
    ask_every_s: Annotated[Seconds, Field(ge=1, le=3600)] = 15.0
    """How often the queue is asked which jobs are still there."""


@dataclass(frozen=True, eq=False)
class LoadedSite:
    """A site, and where each of its lines stands."""

    options: Site
    document: Document

    def mistakes(self) -> Iterator[Problem]:
        """Yield what is wrong with the site on this machine."""
        there = list(psutil.net_if_addrs())
        for key in ("sweep_interface", "interface"):
            name = getattr(self.options, key)
            if name is not None and name not in there:
                meant = suggestion(name, there) or f"there are {', '.join(there)}"
                yield self.document.problem((key,), f"this machine has no network interface {name}", meant)
            if name is not None:
                return  # of two, the sweep's counts here


def load_site(path: Path | None) -> LoadedSite:
    """Return the site in a file, or one that leaves all to the cluster. Raises InputError with every mistake in it."""
    document = Document({}, Place("the site")) if path is None else read(path)
    if not isinstance(document.data, dict):
        raise InputError(document.problem((), f"found {found(document.data)}; expected a mapping of keys"))
    try:
        return LoadedSite(Site.model_validate_json(json.dumps(document.data), strict=True), document)
    except ValidationError as error:
        problems = complaints(Site, document, error.errors(include_url=False))
        raise InputError(sorted(problems, key=lambda problem: problem.line or 0)) from None
