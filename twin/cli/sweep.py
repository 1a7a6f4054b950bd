"""``twin sweep``: run a study, or look at one that runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from twin.sweep.coordinator import Coordinator

INTERRUPTED = 130


def command(
    study: Annotated[
        str,
        typer.Argument(
            help="A study's YAML file, the name of one that ships, such as studies/architectures, or its run's folder.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The study's folder; runs/<its name> unless given.")
    ] = None,
    on: Annotated[
        str, typer.Option("--on", help="Where points run: local, slurm, pbs, lsf, or a Dask scheduler's address.")
    ] = "local",
    site: Annotated[
        Path | None, typer.Option("--site", help="What queues, accounts and modules are called at this site.")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="So many points at a time.")] = None,
    override: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change a value of the study, e.g. design.points=256."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would cost; runs three points to know, and keeps them.")
    ] = False,
    status: Annotated[bool, typer.Option("--status", help="Say how far it is, from any machine.")] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Ask it to stop after what runs; asked twice, it stops at once.")
    ] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run points again that failed.")] = False,
    changed: Annotated[bool, typer.Option("--changed", help="Go on although the base has changed.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Run the points of a study that are not done yet, on this machine or on a cluster, and gather them in one table.

    The same command again goes on where the last one stopped, however it did: points that are done are never run again.
    Ctrl-C lets running points end; a second one does not wait.
    Points that keep failing are recorded and listed, and do not stop the study: exit code 0, or 1 if none is done.

    Example: twin sweep studies/architectures --workers 4
    """
    folder = _folder(study, output)
    if status:
        _say_status(folder)
    elif cancel:
        _cancel(folder)
    else:
        console = Console(stderr=True, quiet=quiet)
        coordinator = _coordinator(study, folder, override or [], on, site, workers)
        with _interrupted(folder):
            if dry_run:
                _estimate(coordinator, changed=changed)
            else:
                _sweep(coordinator, folder, console, retry_failed=retry_failed, changed=changed)


@contextmanager
def _interrupted(folder: Path) -> Iterator[None]:
    """Say how to go on where somebody did not want to wait."""
    from twin.sweep.stop import StoppedError

    try:
        yield
    except (StoppedError, KeyboardInterrupt):
        typer.echo(f"{folder}: stopped at once; the same command goes on", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _folder(study: str, output: Path | None) -> Path:
    """Return the folder that a study runs in."""
    begun = Path(study)
    if output is None and (begun / "study.yaml").exists():
        return begun
    return output or Path("runs") / begun.stem


def _say_status(folder: Path) -> None:
    from twin.sweep.folder import StudyFolder
    from twin.sweep.status import status_of

    for line in status_of(StudyFolder(folder)).lines():
        typer.echo(line)


def _cancel(folder: Path) -> None:
    from twin.sweep.lock import beat_of
    from twin.sweep.stop import ask

    beat = beat_of(folder)
    if beat is None or not beat.alive:
        typer.echo(f"{folder}: nobody runs it")
    elif ask(folder):
        typer.echo(f"{folder}: process {beat.pid} on {beat.host} is asked to stop at once")
    else:
        typer.echo(f"{folder}: process {beat.pid} on {beat.host} is asked to stop after what runs; again: at once")


def _coordinator(
    study: str, folder: Path, overrides: Sequence[str], on: str, site: Path | None, workers: int | None
) -> Coordinator:
    """Return who will run the study. Raises InputError with all mistakes of study, cluster and site."""
    from twin.errors import InputError, Problem, attempt
    from twin.sweep.coordinator import Coordinator
    from twin.sweep.engine.cluster import Order, cluster_of
    from twin.sweep.folder import StudyFolder
    from twin.sweep.study.load import load_study

    problems: list[Problem] = []
    loaded = attempt(problems, lambda: load_study(study, overrides))
    cluster = attempt(problems, lambda: cluster_of(Order(on, folder.resolve(), workers, site)))
    if loaded is None or cluster is None:
        raise InputError(problems)
    warnings = Console(stderr=True)
    return Coordinator(loaded, StudyFolder(folder.resolve()), cluster, lambda text: _warn(warnings, text))


def _warn(console: Console, text: str) -> None:
    console.print(f"warning: {text}", style="yellow", soft_wrap=True, highlight=False)


def _estimate(coordinator: Coordinator, *, changed: bool) -> None:
    for line in coordinator.estimate(changed=changed).lines(coordinator.cluster.workers or 1):
        typer.echo(line)


def _sweep(coordinator: Coordinator, folder: Path, console: Console, *, retry_failed: bool, changed: bool) -> None:
    """Run it, and say what came of it."""
    started_s = time.monotonic()
    with _progress(coordinator, console) as watch:
        state = coordinator.sweep(watch, retry_failed=retry_failed, changed=changed)
    _say_end(coordinator, folder, state, time.monotonic() - started_s)
    if state == "cancelled":
        raise typer.Exit(INTERRUPTED)
    if coordinator.count.failed and not coordinator.count.done:
        raise typer.Exit(1)


def _say_end(coordinator: Coordinator, folder: Path, state: str, seconds: float) -> None:
    from twin.sweep.folder import StudyFolder
    from twin.sweep.results.table import lacking_responses, write_table
    from twin.sweep.status import failures, status_of

    found = status_of(StudyFolder(folder))
    took = timedelta(seconds=round(seconds))
    new = coordinator.count.ended_here
    typer.echo(
        f"{state}: {found.done} of {found.points} points done, {found.failed} failed; {new} of them now, in {took}"
    )
    for line in failures(found.reasons):
        typer.echo(line)
    table = write_table(StudyFolder(folder))
    for name in lacking_responses(StudyFolder(folder), table):
        typer.echo(f"no point that is done has a value of {name}: nothing it applies to, or nothing of that name")
    if found.open:
        typer.echo("the same command goes on with the rest")
    if found.failed:
        typer.echo("--retry-failed runs failed points again")
    typer.echo(f"table: {table}")
    typer.echo(f"report: twin study report {folder}")


@contextmanager
def _progress(coordinator: Coordinator, console: Console) -> Iterator[Callable[[], None]]:
    """Show how far the sweep is, and yield what to call now and then."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("preparing points", total=None)
        told: list[str] = []

        def watch() -> None:
            count, engine = coordinator.count, coordinator.engine
            if engine and engine.dashboard and not told:
                told.append(engine.dashboard)
                progress.console.print(
                    f"{coordinator.cluster.describe()}; dashboard: {engine.dashboard}", soft_wrap=True
                )
            progress.update(
                task,
                total=count.points,
                completed=count.done + count.failed,
                description=_description(coordinator),
            )

        yield watch
        watch()


def _description(coordinator: Coordinator) -> str:
    count, engine = coordinator.count, coordinator.engine
    if not (engine and engine.workers):
        return "no worker yet"
    left = "" if count.left_s is None else f", {timedelta(seconds=round(count.left_s))} left"
    pace = f"{count.per_s:.1f}/s" if count.per_s >= 1 else f"{count.per_s * 60:.1f}/min"
    return f"{count.failed} failed, {len(engine.running())} running, {pace}{left}"
