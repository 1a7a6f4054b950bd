"""``twin rerun``: one site of a fleet again, alone and fully logged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(help="The folder of a run.", show_default=False)],
    site: Annotated[int, typer.Option("--site", min=0, help="Number of the site, from 0.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The folder to write; RUN-site-S unless given.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the run that the folder holds.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Simulate one site of a run's fleet again: the same values as in the fleet, every cell and every CAN frame logged.

    Example: twin rerun runs/home_fleet --site 7
    """
    from twin.cli.execute import execute, fully_logged
    from twin.cli.recorded import recorded_server
    from twin.errors import InputError, Problem
    from twin.record import scenario_of
    from twin.record.reader import open_run
    from twin.scenario import load, placed

    file = scenario_of(run)
    with placed(file):
        scenario = fully_logged(load(file))
        sites = scenario.fleet.sites
        if site >= sites:
            raise InputError(Problem(f"found {site}; the run has the sites 0 to {sites - 1}", str(run), path="--site"))
        folder = output or run.with_name(f"{run.name}-site-{site}")
        server = recorded_server(open_run(run)) if scenario.ota else None
        execute(scenario, folder, sites=[site], force=force, quiet=quiet, server=server)
