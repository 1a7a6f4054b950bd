"""A tariff that is the same every day: 24 prices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from twin.scenario.profiles.hours import Hours


class Hourly(Hours):
    """A price for each hour of the local day, over that of a flat hour."""

    kind: Literal["hourly"] = "hourly"
    prices: Annotated[list[Annotated[float, Field(ge=0, le=1000)]], Field(min_length=24, max_length=24)]
    """From 00:00 on."""

    def day(self, day: date) -> Sequence[float]:  # noqa: ARG002
        """Return the prices of the 24 hours of a local day."""
        return self.prices
