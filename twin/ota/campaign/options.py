"""What a scenario states about a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator

from twin.options import Options
from twin.ota import policies as policy_kinds
from twin.ota.campaign.commands import Command
from twin.ota.campaign.windows import DAY_NS, MaintenanceWindow, TimeZone
from twin.ota.policies.all_at_once import AllAtOnce
from twin.ota.policies.policy import Policy
from twin.plugins import one_of
from twin.quantity import Seconds

if TYPE_CHECKING:
    AnyPolicy = Policy
else:
    AnyPolicy = one_of(policy_kinds, Policy)


class OfflineRule(Options):
    """When silence alone is reason enough to halt."""

    after_s: Annotated[Seconds, Field(gt=0)] = 3600.0
    """A site that has not spoken for so long counts as offline."""
    percent: Annotated[float, Field(gt=0, le=100)]
    """Halt when at least so many of them are."""
    of: Literal["group", "fleet"] = "group"
    """Of the sites of one group that were told to update, or of all that the campaign has."""
    action: Literal["pause", "stop"] = "pause"


class Retry(Options):
    """What the server does about sites that failed, after what they have tried themselves."""

    count: Annotated[int, Field(ge=1, le=10)] = 1
    when: Literal["at_once", "after_rollout"] = "at_once"
    """``at_once``: a site counts as failed only after its last try; ``after_rollout``: in rounds of its own."""
    backoff_s: Annotated[Seconds, Field(ge=0)] = 3600.0
    """Before the first retry."""
    factor: Annotated[float, Field(ge=1, le=10)] = 2.0
    """By which each further wait is longer."""

    def wait_ns(self, tries: int) -> int:
        """Return how long to wait after so many tries."""
        return round(self.backoff_s * self.factor ** (tries - 1) * 1e9)


class CampaignOptions(Options):
    """One rollout: when, to whom, by which policy, and what operators and rules do meanwhile."""

    start_s: Annotated[Seconds, Field(ge=0)] = 0.0
    """Since the run began."""
    start_at: time | None = None
    """The first such local time from ``start_s`` on, by the time zone of the scenario's start: 02:00."""
    decide_s: Annotated[Seconds, Field(gt=0, le=3600)] = 60.0
    """How often sites and server meet."""
    policy: AnyPolicy = AllAtOnce()
    sites: Annotated[list[int], Field(min_length=1)] | None = None
    """Who is part of it; None: the whole fleet."""
    order: Literal["number", "seeded"] | list[int] = "number"
    """Of the sites' turns; the sites of a list come first, in its order."""
    window: MaintenanceWindow | None = None
    time_zones: Annotated[list[TimeZone], Field(default_factory=list)]
    """Those in which not all sites are where the scenario's start is."""
    offline: OfflineRule | None = None
    retry: Retry | None = None
    roll_back_on_stop: bool = False
    """Whether a stop brings the sites that have the release back to what they ran before."""
    commands: Annotated[list[Command], Field(default_factory=list)]
    """What operators do, in the order of time."""
    must_finish: bool = True
    """Refuse a campaign that would not come to its end within the run even if every site succeeded at once."""

    @field_validator("commands")
    @classmethod
    def _in_order(cls, commands: Sequence[Command]) -> Sequence[Command]:
        for earlier, later in pairwise(commands):
            if later.time_s < earlier.time_s:
                raise ValueError(f"{later.do} at {later.time_s:g} s stands after {earlier.do} at {earlier.time_s:g} s")
            if earlier.do in ("stop_all", "roll_back") and later.do != "roll_back":
                raise ValueError(f"{later.do} comes after {earlier.do}, which ends the campaign")
        return commands

    @field_validator("time_zones")
    @classmethod
    def _shares_fit(cls, zones: Sequence[TimeZone]) -> Sequence[TimeZone]:
        total = sum(zone.share or 0.0 for zone in zones)
        if total > 1 + 1e-9:
            raise ValueError(f"the shares of the time zones add up to {100 * total:g} %; expected at most 100")
        return zones

    def begin_ns(self, start: datetime) -> int:
        """Return when the campaign begins, since the run's ``start``."""
        begin_ns = round(self.start_s * 1e9)
        if self.start_at is None:
            return begin_ns
        day_ns = (_of_day_ns(start.time()) + begin_ns) % DAY_NS
        return begin_ns + (_of_day_ns(self.start_at) - day_ns) % DAY_NS


def _of_day_ns(local: time) -> int:
    seconds = (local.hour * 60 + local.minute) * 60 + local.second
    return seconds * 1_000_000_000 + local.microsecond * 1000
