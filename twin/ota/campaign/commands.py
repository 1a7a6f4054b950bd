"""What an operator does to a campaign at stated instants."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from twin.options import Options
from twin.quantity import Seconds

Deed = Literal["pause", "resume", "next_group", "stop_all", "roll_back", "cancel", "delete"]
OF_SITES: tuple[Deed, ...] = ("cancel", "delete")


class Command(Options):
    """One thing that an operator does."""

    time_s: Annotated[Seconds, Field(ge=0)]
    """Since the run began."""
    do: Deed
    """``pause``: begin nothing new; ``resume``; ``next_group``: begin the next one, whatever its condition says;
    ``stop_all``: begin nothing new and cancel what is under way; ``roll_back``: the same, and bring every site that has
    the release back; ``cancel``: the updates of ``sites``; ``delete``: take ``sites`` out of the count as well."""
    sites: list[int] | None = None
    """Whom ``cancel`` and ``delete`` are about."""

    @model_validator(mode="after")
    def _sites_where_needed(self) -> Command:
        if (self.do in OF_SITES) != bool(self.sites):
            raise ValueError(f"{self.do} {'needs' if self.do in OF_SITES else 'takes no'} sites")
        return self

    @property
    def time_ns(self) -> int:
        """When, in whole nanoseconds."""
        return round(self.time_s * 1e9)
