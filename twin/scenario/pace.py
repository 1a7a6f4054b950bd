"""What a scenario says of its pace: long steps where nothing happens."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from twin.options import Options
from twin.quantity import Seconds


class Pace(Options):
    """How long the steps of a site are: the scenario's ``step_s`` where something happens, else longer ones."""

    quiet_s: Annotated[Seconds, Field(gt=0, le=600)] = 60.0
    """Of a site in which nothing happens, and how often it is decided which those are; a multiple of ``limited_s``."""
    limited_s: Annotated[Seconds, Field(gt=0, le=600)] = 10.0
    """Of a site whose battery follows a limit that moves, as when it is nearly full; a multiple of ``step_s``."""
    settle_s: Annotated[Seconds, Field(ge=0)] = 120.0
    """For so long after a contactor moved or a finding came or went, a site keeps to ``step_s``."""
    alert_s: Annotated[Seconds, Field(ge=0)] = 3600.0
    """Likewise, after a fault of the scenario began or ended."""
