"""``twin report``: the report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(help="The folder of a run.", show_default=False)],
    site: Annotated[
        int | None,
        typer.Option("--site", help="The site to show in depth; the one with the worst events unless given."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file; RUN/report.html unless given.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the report in the browser.")] = False,
) -> None:
    """Write a run's report: one HTML page that opens without a network. Also of a run that was interrupted or killed.

    Example: twin report runs/home_fleet --site 7 --open
    """
    from twin.analysis.report import write_report

    path = write_report(run, site=site, output=output)
    print(path)
    if open_:
        typer.launch(str(path))
