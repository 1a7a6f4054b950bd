"""Everybody at once: the baseline that every other policy is measured against."""

from __future__ import annotations

from typing import Literal

from twin.ota.campaign.groups import Group
from twin.ota.policies.policy import Policy, Seen, Wanted


class AllAtOnce(Policy):
    """One group; whatever comes back changes nothing."""

    kind: Literal["all_at_once"] = "all_at_once"

    def groups(self, sites: int) -> list[Group]:
        """Return the one group."""
        return [Group("all", sites)]

    @property
    def by_the_clock(self) -> bool:
        """Whether groups begin whatever comes back: they do."""
        return True

    def initial(self) -> None:
        """Return no state."""

    def step(self, state: None, seen: Seen) -> tuple[None, Wanted]:
        """Let everybody have it."""
        return state, Wanted(seen.edges[-1])
