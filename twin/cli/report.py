"""``twin report``: the report of a run."""

from __future__ import annotations

import sys
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
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 if a golden rule of the scenario is not kept.")
    ] = False,
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
    if check and not _kept(run):
        raise typer.Exit(1)


def _kept(run: Path) -> bool:
    """Say on the terminal which golden rules the run broke, and return whether it kept all."""
    from twin.analysis.evidence import Evidence
    from twin.analysis.golden_rules import verdicts
    from twin.analysis.metric_tables import rules_line, said

    checked = verdicts(Evidence.of(run))
    print(rules_line(checked))
    for one in checked:
        if not one.passed:
            limit = f"{'at most' if one.check.at_most else 'at least'} {said(one, one.limit)}"
            found = one.reason or f"found {said(one, one.found)}"
            print(f"{one.word}: {one.check.title} ({one.rule}): {found}; expected {limit}", file=sys.stderr)
    return all(one.passed for one in checked)
