"""What a scenario says of a site's CAN buses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from twin.options import Options
from twin.quantity import BitsPerSecond, Seconds


class FurtherSegment(Options):
    """A bus beside the first one, behind a gateway that stands on both."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    nodes: Annotated[list[str], Field(min_length=1)]
    """Who is on it and not on the first one; ``*`` stands for any letters: ``Module*``."""
    gateway: str
    """The ECU that stands on both and passes on what is wanted on the other side."""
    bitrate_bit_s: Annotated[BitsPerSecond, Field(ge=10_000, le=1_000_000)] = 500_000.0
    data_bitrate_bit_s: Annotated[BitsPerSecond, Field(ge=10_000, le=8_000_000)] | None = None
    delay_s: Annotated[Seconds, Field(ge=0, le=1)] = 0.001
    """From reception to the queue on the other side (store and forward)."""


class Replay(Options):
    """A recorded trace as a node's traffic."""

    file: str
    """A trace: .blf, .asc, .log (candump), .trc or .mf4. Its first frame is sent at ``start_s``."""
    node: str
    """Who sends it. An ECU of the database says what the trace has of its messages, on every bus on which it sends
    them, and its firmware is not heard; any other name is a node that says what the database leaves free. Each
    identifier is taken from the lowest channel that has it."""
    sites: list[Annotated[int, Field(ge=0)]] | None = None
    """None: all."""
    start_s: Annotated[Seconds, Field(ge=0)] = 0.0


class Bus(Options):
    """The CAN buses of a site, and what is on them."""

    bitrate_bit_s: Annotated[BitsPerSecond, Field(ge=10_000, le=1_000_000)] = 500_000.0
    """Nominal bit rate."""
    data_bitrate_bit_s: Annotated[BitsPerSecond, Field(ge=10_000, le=8_000_000)] | None = None
    """Of CAN FD frames between the switch points; none below the nominal one."""
    database: str | None = None
    """The DBC file with its messages: a name in data/can/, or a path; none: the one written for the architecture."""
    engine: Literal["native", "simpy"] = "native"
    """What computes the buses; both give the same frames to the nanosecond, and SimPy takes longer."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Threads of the native engine; the results do not depend on it."""
    queue: Literal["priority", "fifo"] = "priority"
    """How the ECUs queue their frames: the most urgent first, or in order, as simple drivers do."""
    queue_frames: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Frames that a ``fifo`` holds; a further one is dropped."""
    recovery_s: Annotated[Seconds, Field(ge=0)] | None = 0.1
    """From bus-off to the begin of recovery; none: a node stays off."""
    bit_error_rate: Annotated[float, Field(ge=0, le=0.01)] = 0.0
    """Share of the bits that are wrong, on every segment."""
    segments: tuple[FurtherSegment, ...] = ()
    replay: tuple[Replay, ...] = ()

    @property
    def bitrates_bit_s(self) -> tuple[float, ...]:
        """The nominal bit rates by segment."""
        return self.bitrate_bit_s, *(segment.bitrate_bit_s for segment in self.segments)
