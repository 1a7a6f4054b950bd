"""``twin point``: points of a study by hand, or as lines ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from twin.scenario import Scenario

INTERRUPTED = 130


def command(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Folders of points; or - : a line of standard input each."),
    ],
    keep: Annotated[
        Literal["results", "runs"], typer.Option("--keep", help="What stays of a scenario's run: its numbers, or all.")
    ] = "results",
    attached: Annotated[
        bool, typer.Option("--attached", help="With - : end at once when the input ends, as whoever asks is gone.")
    ] = False,
) -> None:
    """Run points of a study, one after another, and leave done.json in the folder of each; done ones are left alone.

    A point's folder has scenario.json or call.json. With - each line is answered by JSON, as `twin sweep` needs it.

    Example: twin point runs/rollouts/points/ab/abcdef0123456789
    """
    from twin.sweep.attempt.serve import serve

    try:
        if folders == [Path("-")]:
            serve(_simulate, keep, attached=attached)
        elif not _all_done(folders, keep):
            raise typer.Exit(1)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _all_done(folders: list[Path], keep: Literal["results", "runs"]) -> bool:
    from twin.errors import InputError, Problem
    from twin.sweep.attempt.point import run_point

    missing = [folder for folder in folders if not folder.is_dir()]
    if missing:
        raise InputError(Problem("no such folder; expected one of a point", str(folder)) for folder in missing)
    done = True
    for folder in folders:
        outcome = run_point(folder.resolve(), _simulate, keep=keep)
        done = done and outcome.state == "done"
        print(
            f"{outcome.point_id} {outcome.state} in {outcome.seconds:.1f} s"
            + f": {outcome.error}" * bool(outcome.error)
        )
    return done


def _simulate(scenario: Scenario, folder: Path) -> None:
    """Run a scenario in this process; one that is stopped by a signal is none."""
    from twin.cli.execute import execute

    try:
        execute(scenario, folder, quiet=True, shards=1)
    except typer.Exit as stopped:
        raise KeyboardInterrupt from stopped
