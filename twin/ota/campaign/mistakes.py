"""What in a campaign does not fit its fleet and its run, all of it, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from twin.ota.campaign.campaign import Campaign
from twin.ota.campaign.options import CampaignOptions
from twin.ota.campaign.rehearsal import AT_ONCE, rehearse

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Mistake:
    """A disagreement, at the field of the campaign that is to be changed."""

    path: Path
    message: str


def mistakes(options: CampaignOptions, sites: int, seed: int, start: datetime, duration_s: float) -> Iterator[Mistake]:
    """Yield everything in a campaign that does not fit a fleet of ``sites`` and a run of ``duration_s``."""
    found = [*_numbers(options, sites), *_instants(options, start, duration_s)]
    members = sites if options.sites is None else len(set(options.sites))
    found += [Mistake(("policy", *path), message) for path, message in options.policy.problems(members)]
    yield from found
    # Whether it comes to its end is found by going through it, which only a campaign that is right in itself can.
    if not found and options.must_finish:
        yield from _endless(Campaign(options, sites, seed, start), duration_s)


def _numbers(options: CampaignOptions, sites: int) -> Iterator[Mistake]:
    """Yield sites that the fleet or the campaign does not have, and those that are named twice."""
    members = set(range(sites)) if options.sites is None else set(options.sites)
    lists: list[tuple[Path, Sequence[int], set[int]]] = []
    if options.sites is not None:
        lists.append((("sites",), options.sites, set(range(sites))))
    if not isinstance(options.order, str):
        lists.append((("order",), options.order, members))
    lists += [
        (("commands", number, "sites"), command.sites, members)
        for number, command in enumerate(options.commands)
        if command.sites
    ]
    zones = [(number, zone.sites) for number, zone in enumerate(options.time_zones) if zone.sites is not None]
    lists += [(("time_zones", number, "sites"), named, set(range(sites))) for number, named in zones]
    for path, named, known in lists:
        unknown = sorted(set(named) - known)
        if unknown:
            whose = "the fleet has" if known == set(range(sites)) else "the campaign has other sites; it has"
            yield Mistake(path, f"there is no site {_some(unknown)}; {whose} {len(known)}, of 0 to {sites - 1}")
        if twice := sorted({site for site in named if named.count(site) > 1}):
            yield Mistake(path, f"site {_some(twice)} stands there more than once")
    both = [
        site
        for number, named in zones
        for other, others in zones
        if other > number
        for site in set(named) & set(others)
    ]
    if both:
        yield Mistake(("time_zones",), f"site {_some(sorted(set(both)))} is in two time zones")


def _some(sites: list[int]) -> str:
    few = ", ".join(str(site) for site in sites[:5])
    return few + (f" and {len(sites) - 5} more" if len(sites) > 5 else "")


def _instants(options: CampaignOptions, start: datetime, duration_s: float) -> Iterator[Mistake]:
    """Yield what is to happen before the campaign begins or after the run has ended."""
    begin_s = options.begin_ns(start) * 1e-9
    if begin_s >= duration_s:
        yield Mistake(("start_s",), f"the campaign begins at {begin_s:g} s; the run ends at {duration_s:g}")
    if options.decide_s > duration_s:
        yield Mistake(("decide_s",), f"found {options.decide_s:g}; the run ends at {duration_s:g}")
    for number, command in enumerate(options.commands):
        if command.time_s < begin_s:
            found = f"found {command.time_s:g}; the campaign begins at {begin_s:g}"
            yield Mistake(("commands", number, "time_s"), found)
        elif command.time_s > duration_s:
            yield Mistake(("commands", number, "time_s"), f"found {command.time_s:g}; the run ends at {duration_s:g}")


def _endless(campaign: Campaign, duration_s: float) -> Iterator[Mistake]:
    """Yield that the campaign does not end within the run, though every site takes it and succeeds at once."""
    course = rehearse(campaign, AT_ONCE, round(duration_s * 1e9))
    if course.finished_ns is not None:
        return
    held = [group.name for number, group in enumerate(campaign.groups) if group.size and number not in course.begins_ns]
    last = course.told[-1].text if course.told else "nothing has happened"
    what = f"{', '.join(held[:3])} would not begin" if held else "not everybody would be done"
    yield Mistake(
        ("policy",),
        f"it does not finish within the run's {duration_s:g} s, even if every site succeeded at once: {what}; "
        f"the last that happened: {last} (must_finish: false allows that)",
    )
