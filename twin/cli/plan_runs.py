"""Runs what a plan of a comparison lacks: each run a command of its own, as many at a time as there are cores."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from twin.analysis.plan import Plan, Planned
from twin.cli.execute import INTERRUPTED
from twin.errors import InputError, Problem, SimulationError
from twin.plant.assembly import locate
from twin.record.manifest import load, scenario_of
from twin.scenario import resolved
from twin.scenario.size import size_of

WRONG_INPUT = 2

Done = subprocess.CompletedProcess[str]


def run_missing(plan: Plan, output: Path, *, again: bool) -> None:
    """Run what is not there yet, the longest first; with ``again``, everything.

    Raises InputError or SimulationError if a run fails, after those that were under way; typer.Exit after Ctrl-C.
    """
    console = Console(stderr=True)
    missing = [one for one in plan.runs if again or not is_done(one, output)]
    there = len(plan.runs) - len(missing)
    if there:
        console.print(f"{there} of {len(plan.runs)} runs are there already", highlight=False)
    if not missing:
        return
    with console.status("building FMUs"):
        plants = [one.scenario.plant for one in missing]
        for name, fmi in {(name, one.fmi) for one in plants for name in (one.electrical, one.thermal)}:
            locate(name, fmi)
    _run_all(sorted(missing, key=lambda one: size_of(one.scenario), reverse=True), output, console)


def is_done(one: Planned, output: Path) -> bool:
    """Say whether a folder holds a finished run of the same scenario."""
    folder = output / one.folder
    try:
        return load(folder).status == "complete" and scenario_of(folder).read_text() == resolved(one.scenario)
    except InputError:
        return False


def _run_all(missing: Sequence[Planned], output: Path, console: Console) -> None:
    waiting, running = list(missing), dict[Future[Done], Planned]()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    cores = len(os.sched_getaffinity(0))
    with Progress(*columns, console=console) as progress, ThreadPoolExecutor(cores) as pool:
        task = progress.add_task("runs", total=len(missing))
        while waiting or running:
            while waiting and len(running) < cores:
                one = waiting.pop(0)
                running[pool.submit(_run, one, output / one.folder)] = one
            progress.update(task, description=", ".join(f"{one.case.name} {one.variant}" for one in running.values()))
            for future in _finished(running):
                one = running.pop(future)
                _check(one, future.result())
                console.print(
                    f"{one.case.title}, {one.variant}: {output / one.folder}", highlight=False, soft_wrap=True
                )
                progress.advance(task)


def _finished(running: dict[Future[Done], Planned]) -> set[Future[Done]]:
    """Wait until at least one run has ended; Ctrl-C reaches all of them, and they end in good order."""
    try:
        return wait(running, return_when=FIRST_COMPLETED).done
    except KeyboardInterrupt:
        wait(running)
        raise typer.Exit(INTERRUPTED) from None


def _run(one: Planned, folder: Path) -> Done:
    folder.parent.mkdir(parents=True, exist_ok=True)
    changes = [part for change in one.overrides for part in ("--set", change)]
    command = ["run", str(one.source), "-o", str(folder), "--force", "--quiet", "--shards", "1", *changes]
    return subprocess.run([sys.executable, "-m", "twin", *command], capture_output=True, text=True, check=False)


def _check(one: Planned, done: Done) -> None:
    """Raise what a run that failed said."""
    lines = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line]
    place = f"{one.case.title}, {one.variant}"
    if done.returncode == WRONG_INPUT:
        raise InputError(Problem(line, file=place) for line in lines[:-1])
    if done.returncode == INTERRUPTED:
        raise typer.Exit(INTERRUPTED)
    if done.returncode:
        raise SimulationError("\n".join([f"{place}: exit code {done.returncode}", *lines]))
