"""What a scenario says of a site's CAN bus."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from twin.options import Options
from twin.quantity import BitsPerSecond


class Bus(Options):
    """The CAN bus of a site."""

    bitrate_bit_s: Annotated[BitsPerSecond, Field(ge=10_000, le=1_000_000)] = 500_000.0
    """Nominal bit rate."""
    database: str = "home_battery"
    """The DBC file with its messages: a name in data/can/, or a path."""
    engine: Literal["native", "simpy"] = "native"
    """What computes the buses; both give the same frames to the nanosecond, and SimPy takes longer."""
