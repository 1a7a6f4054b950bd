"""``twin run``: run a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    scenario: Annotated[
        Path,
        typer.Argument(
            help="A YAML file, or the name of a scenario that ships, such as home_fleet or ota_rehearsal.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder that the run leaves.")],
    override: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a value, e.g. fleet.sites=3.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the run that the folder holds.")] = False,
    profile: Annotated[bool, typer.Option("--profile", help="Show the time by part at the end.")] = False,
    shards: Annotated[
        int | None, typer.Option("--shards", min=1, help="Processes that share the sites; one a core unless given.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Run a scenario: build its FMUs, simulate every site, and leave a folder with run.h5 and the resolved scenario.

    Ctrl-C stops within a few blocks of ticks and leaves a run that can be read.
    Files that the scenario names, or a --set, are looked for from the scenario's folder.

    Example: twin run scenarios/one_home.yaml -o runs/one_home --set duration_s=600
    """
    from twin.cli.execute import execute
    from twin.scenario import load, placed

    with placed(scenario, override or []):
        execute(load(scenario, override or []), output, force=force, profile=profile, quiet=quiet, shards=shards)
