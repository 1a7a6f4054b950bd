"""``twin ota preview``: what a campaign will do, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twin.errors import InputError, Problem

if TYPE_CHECKING:
    from twin.ota.campaign.preview import Preview
    from twin.ota.campaign.rehearsal import Assumptions
    from twin.scenario import Scenario


def command(
    scenario: Annotated[
        Path, typer.Argument(help="A YAML file with a rollout, or a scenario that ships.", show_default=False)
    ],
    override: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change a value, e.g. ota.campaign.policy.canaries=20."),
    ] = None,
    learns_s: Annotated[
        float, typer.Option(min=0, help="Assumed from a site's turn until it asks, in seconds.")
    ] = 150.0,
    update_s: Annotated[float, typer.Option(min=0, help="Assumed from asking to success, in seconds.")] = 900.0,
    sites: Annotated[
        bool, typer.Option("--sites", help="List the sites of each group, in the order of turns.")
    ] = False,
) -> None:
    """Say who is in which group and when it begins: what is certain, and what is an estimate.

    Nothing is simulated: the campaign is gone through with a fleet in which everything works. Groups are those that the
    run will have. A group that hangs on the clock alone begins at the stated time; one that waits for others begins not
    before the first time, and about the second if every site takes as long as assumed.

    Example: twin ota preview scenarios/ota_rehearsal.yaml --update-s 1200
    """
    from twin.ota.campaign.rehearsal import Assumptions
    from twin.scenario import load, placed

    with placed(scenario, override or []):
        seen = of(load(scenario, override or []), Assumptions(learns_s, update_s))
    for line in seen.lines():
        print(line)
    for group in seen.groups if sites else ():
        print(f"{group.name}: {' '.join(str(site) for site in group.sites)}")


def of(scenario: Scenario, assumptions: Assumptions) -> Preview:
    """Return the preview of a scenario's campaign. Raises InputError if it has none."""
    from twin.ota.campaign.preview import preview

    if scenario.ota is None:
        raise InputError(Problem("there is no rollout in it", path="ota", suggestion="expected ota: {release: ...}"))
    campaign = scenario.ota.campaign
    return preview(campaign, scenario.fleet.sites, scenario.seed, scenario.start, scenario.duration_s, assumptions)
