"""What a campaign will do, before it does it: the same decisions, with a fleet in which everything works."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from twin.ota.campaign.campaign import Campaign
from twin.ota.campaign.groups import Role
from twin.ota.campaign.options import CampaignOptions
from twin.ota.campaign.outcomes import IntArray
from twin.ota.campaign.rehearsal import AT_ONCE, Assumptions, rehearse

USUAL = Assumptions(learns_s=150.0, update_s=900.0)
"""hawkBit's polling interval of 5 min, half of it in the mean; a quarter of an hour to download and install."""


@dataclass(frozen=True, eq=False)
class GroupPreview:
    """One group: its sites in the order of their turns, and when it begins, since the run began."""

    number: int
    name: str
    role: Role
    sites: IntArray
    earliest_ns: int | None
    """Not before then, whatever happens, as long as no operator intervenes; None: not within the run."""
    certain: bool
    """It begins at exactly ``earliest_ns``: it hangs on the clock alone."""
    expected_ns: int | None
    """When it begins, under the assumptions."""
    ends_ns: int | None
    """When the last of it has the release, under the assumptions."""


@dataclass(frozen=True, eq=False)
class Preview:
    """What a campaign will do."""

    start: datetime
    groups: tuple[GroupPreview, ...]
    assumptions: Assumptions
    window: str
    warnings: tuple[str, ...]
    finished_ns: int | None
    """When all is done, under the assumptions; None: not within the run."""

    def lines(self) -> Iterator[str]:
        """Yield it as text: first what is certain, marked by "at", then estimates, marked by "about"."""
        name = max([len(group.name) for group in self.groups] + [5])
        yield f"{'group':<{name}}  {'sites':>7}  {'begins':<27}  {'expected':<22}  all done"
        for group in self.groups:
            begins = self._when("at " if group.certain else "not before ", group.earliest_ns)
            expected = "as stated" if group.certain else self._when("about ", group.expected_ns)
            ends = self._when("about ", group.ends_ns)
            yield f"{group.name:<{name}}  {len(group.sites):>7}  {begins:<27}  {expected:<22}  {ends}"
        yield f"window: {self.window}"
        yield f"the whole rollout is done: {self._when('about ', self.finished_ns)}"
        learns_s, update_s = self.assumptions.learns_s, self.assumptions.update_s
        yield (
            f"estimates take every site to ask {learns_s:g} s after its turn has come, to need {update_s:g} s once its"
            " window is open, and to succeed; gates are taken to pass when their soak is over"
        )
        for warning in self.warnings:
            yield f"warning: {warning}"

    def _when(self, word: str, time_ns: int | None) -> str:
        if time_ns is None:
            return "not within the run"
        return word + (self.start + timedelta(microseconds=time_ns // 1000)).strftime("%a %d %H:%M:%S")


def preview(
    options: CampaignOptions,
    sites: int,
    seed: int,
    start: datetime,
    duration_s: float,
    assumptions: Assumptions = USUAL,
) -> Preview:
    """Return what a campaign will do with a fleet of ``sites``: who is in which group is exactly what a run does."""
    until_ns = round(duration_s * 1e9)
    campaign = Campaign(options, sites, seed, start)
    soonest = rehearse(Campaign(options, sites, seed, start), AT_ONCE, until_ns)
    usual = rehearse(Campaign(options, sites, seed, start), assumptions, until_ns)
    certain = options.policy.by_the_clock and options.offline is None
    groups = tuple(
        GroupPreview(
            number,
            group.name,
            group.role,
            campaign.members(number),
            soonest.begins_ns.get(number),
            certain or number == 0,
            usual.begins_ns.get(number),
            usual.ends_ns.get(number),
        )
        for number, group in enumerate(campaign.groups)
    )
    return Preview(start, groups, assumptions, _window(campaign), tuple(options.policy.warnings()), usual.finished_ns)


def _window(campaign: Campaign) -> str:
    """Say when sites let updates begin."""
    window = campaign.windows.window
    if window is None:
        return "always open"
    days = "every day" if len(set(window.days)) == 7 else ", ".join(window.days)
    offsets, counts = np.unique(campaign.windows.offset_ns[campaign.order] / 3.6e12, return_counts=True)
    zones = ", ".join(f"UTC{offset:+g} h ({count} sites)" for offset, count in zip(offsets, counts, strict=True))
    return f"{window.opens:%H:%M} to {window.closes:%H:%M} local time, {days}; {zones}"
