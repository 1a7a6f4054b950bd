"""What the faults of updates have in common."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from twin.faults.fault import TimedFault
from twin.quantity import Seconds


class UpdateFault(TimedFault):
    """Base of what befalls the update client of a site: no BMS has a code for it, and there must be a rollout."""

    expected: ClassVar = ()

    duration_s: Annotated[Seconds, Field(gt=0)] | None = 600.0
    """How long it lasts."""
