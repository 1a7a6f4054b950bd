"""Chosen frames are destroyed: those of a node with a failing transceiver, or of one message."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from twin.faults.fault import Effect, Fault
from twin.network.disturbances import WrongFrames as Inversion
from twin.network.engines.engine import LAST_BIT
from twin.quantity import Seconds


class WrongFrames(Fault):
    """``bit`` of the next ``frames`` that a node sends, or that are of one message, is inverted from ``start_s`` on."""

    expected: ClassVar = ("bus_errors", "error_passive", "bus_off", "module_silent")
    source: ClassVar = "ISO 11898-1: fault confinement"

    kind: Literal["wrong_frames"] = "wrong_frames"
    start_s: Annotated[Seconds, Field(ge=0)]
    frames: Annotated[int, Field(ge=1)] = 1
    """Attempts, repeated ones included: 32 in a row send a node bus-off."""
    bit: Annotated[int, Field(ge=LAST_BIT, le=735)] = 20
    """From the start of frame, stuff bits included; -1 is the last."""
    node: str = ""
    """Whose frames; say this or ``message``."""
    message: str = ""
    """A message of the database."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.node) == bool(self.message):
            raise ValueError("expected either a node or a message")
        return self

    @property
    def start_ns(self) -> int:
        """When it begins."""
        return round(self.start_s * 1e9)

    def effects(self) -> tuple[Effect, ...]:
        """Return the inversion."""
        return (Inversion(self.start_ns, self.site, self.frames, self.bit, self.node, self.message),)
