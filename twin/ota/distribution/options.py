"""What a scenario says of ECUs' flash memories, and of how images get there over the bus."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from twin.network.network import STMIN_MS_NS, STMIN_US_NS
from twin.network.site import Transport
from twin.options import Options
from twin.quantity import Seconds


class FlashOptions(Options):
    """The memory of every ECU that can be updated, and the UDS client and servers that fill it.

    Times of the memory: TI TMS320F28P650DK-Q1 data sheet (SPRSP63), flash parameters, typical values of a new device: a
    microcontroller for power electronics whose banks can be erased and written while programs run from others.
    """

    sector_bytes: Annotated[int, Field(ge=256, le=1 << 20)] = 2048
    """What is erased at once."""
    erase_s: Annotated[Seconds, Field(ge=0, le=10)] = 0.015
    """Of a sector; 55 ms at most while new, 120 ms typical after 20 000 cycles."""
    page_bytes: Annotated[int, Field(ge=1, le=4096)] = 16
    """What is written at once; a page that loses its power is not written."""
    write_s: Annotated[Seconds, Field(ge=0, le=1)] = 62.5e-6
    """Of a page; 625 us at most."""
    check_s: Annotated[Seconds, Field(ge=0, le=10)] = 0.001
    """Of a sector, when the whole image is looked at: SHA-256 in software at 50 cycles a byte and 100 MHz."""
    slot_bytes: Annotated[int, Field(ge=4096, le=1 << 30)] = 1 << 20
    """Room for an image; an ECU has two such slots, and runs from the one while the other is written."""
    block_bytes: Annotated[int, Field(ge=16, le=65535)] = 4095
    """The longest TransferData that an ECU takes, its two bytes of header included."""
    block_attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """How often a block is sent until it is answered."""
    block_size: Annotated[int, Field(ge=0, le=255)] = 0
    """ISO-TP frames between two flow controls; 0: all."""
    stmin_s: Annotated[Seconds, Field(ge=0, le=0.127)] = 0.0
    """STmin: shortest time between ISO-TP frames that an ECU asks for, 0.1 to 0.9 ms or whole milliseconds; 0: as fast
    as the bus takes them, below whatever has a higher priority."""
    transport_timeout_s: Annotated[Seconds, Field(gt=0, le=60)] = 1.0
    """How long either end of ISO-TP waits for a frame (N_As, N_Bs, N_Cr)."""
    task_period_s: Annotated[Seconds, Field(ge=0.0005, le=1)] = 0.01
    """Of the tasks of client and servers, which look at the bus and send only then."""
    answer_s: Annotated[Seconds, Field(gt=0, le=60)] = 1.0
    """How long the client waits for an answer (P2 of ISO 14229-2, with time for the way)."""
    pending_s: Annotated[Seconds, Field(gt=0, le=600)] = 6.0
    """How long it waits after *response pending* (P2*); a server says so within 5 s."""
    security_delay_s: Annotated[Seconds, Field(ge=0, le=3600)] = 10.0
    """How long an ECU gives no seed after three wrong keys."""

    @model_validator(mode="after")
    def _can_be_stated(self) -> Self:
        stmin_ns = round(self.stmin_s * 1e9)
        if stmin_ns not in STMIN_MS_NS and stmin_ns not in STMIN_US_NS:
            raise ValueError(f"found stmin_s {self.stmin_s:g}; expected 0.1 to 0.9 ms, or whole milliseconds to 127")
        return self

    @property
    def transport(self) -> Transport:
        """What this means for the site's network."""
        return Transport(self.block_size, round(self.stmin_s * 1e9), round(self.transport_timeout_s * 1e9))
