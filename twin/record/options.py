"""What a scenario says of the log."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from twin.options import Options
from twin.quantity import Seconds


class Record(Options):
    """What run.h5 holds."""

    detail: Literal["site", "module", "cell"] = "cell"
    """The finest level whose signals are logged; ``cell`` holds the other two."""
    period_s: Annotated[Seconds, Field(gt=0)] = 1.0
    """Every how many seconds a row is logged; a multiple of the step."""
    segment_s: Annotated[Seconds, Field(gt=0, le=60)] = 30.0
    """Wall time after which what was logged is made safe on disk."""
    frames: bool = False
    """Whether every CAN frame is logged: for one site, or few."""
