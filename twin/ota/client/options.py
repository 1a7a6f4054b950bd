"""What a scenario says of the sites' update clients and of their lines to the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from twin.options import Options
from twin.quantity import Amperes, BitsPerSecond, Kelvin, Seconds

Share = Annotated[float, Field(ge=0, le=1)]


class Wan(Options):
    """The line between a site and the update server; medians and rates are assumptions, to be replaced by one's own."""

    bandwidth_bit_s: Annotated[BitsPerSecond, Field(gt=0)] = 10e6
    """Median over the sites of what a download gets."""
    bandwidth_spread: Annotated[float, Field(ge=0, le=3)] = 1.0
    """Standard deviation of its logarithm to base e: at 1 a sixth of the sites have less than 37 % of the median."""
    latency_s: Annotated[Seconds, Field(ge=0, lt=60)] = 0.05
    """From a request to the first byte of its answer; a download that goes on after an outage pays it again."""
    outages_per_day: Annotated[float, Field(ge=0, le=1000)] = 0.2
    """Mean number; outages come at random instants (a Poisson process)."""
    outage_s: Annotated[Seconds, Field(gt=0)] = 1800.0
    """Mean duration, exponentially distributed."""


class Conditions(Options):
    """The states of the battery in which it may be updated; all of them must hold."""

    soc_min: Share = 0.1
    soc_max: Share = 1.0
    current_A: Annotated[Amperes, Field(gt=0)] | None = None
    """Highest current of any module, either way; any unless given."""
    temperature_min_K: Annotated[Kelvin, Field(gt=0)] = 263.15
    temperature_max_K: Annotated[Kelvin, Field(gt=0)] = 323.15
    contactors: Literal["closed", "open", "any"] = "any"
    """``closed``: all of the site's; ``open``: not all of them."""
    mains: bool = True
    """Whether the site must have its supply from the grid."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        problems = [
            f"found {low} {getattr(self, low):g}; expected less than {high}, {getattr(self, high):g}"
            for low, high in (("soc_min", "soc_max"), ("temperature_min_K", "temperature_max_K"))
            if getattr(self, low) >= getattr(self, high)
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self


class ClientOptions(Options):
    """The update client of every site's gateway."""

    poll_s: Annotated[Seconds, Field(gt=0)] = 300.0
    """Between two questions to the server, each site at a phase of its own; hawkBit's default is 5 min."""
    conditions: Conditions = Conditions()
    look_s: Annotated[Seconds, Field(gt=0)] = 60.0
    """Between two looks at the conditions while they do not hold."""
    patience_s: Annotated[Seconds, Field(gt=0)] = 7 * 86400.0
    """After so long a wait for conditions and window the site gives up."""
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """How often it tries where another attempt may help: refused metadata or images, downloads, transfers, storage."""
    backoff_s: Annotated[Seconds, Field(ge=0)] = 600.0
    """From the first failed attempt to the second."""
    backoff_factor: Annotated[float, Field(ge=1, le=10)] = 2.0
    """Each further wait is so many times the one before."""
    backoff_most_s: Annotated[Seconds, Field(ge=0)] = 6 * 3600.0
    jitter: Share = 0.5
    """Each wait is longer by a random share of it, up to this, so that sites do not come back all at once."""
    storage_bytes: Annotated[int, Field(gt=0)] = 64 * 2**20
    """Room of the gateway for images."""
    download_limit_s: Annotated[Seconds, Field(gt=0)] = 6 * 3600.0
    """A download that takes longer is given up; what has come is kept."""
    least_rate_bit_s: Annotated[BitsPerSecond, Field(ge=0)] = 20e3
    """A server that sends less than this is left (Uptane's slow retrieval) ..."""
    slow_s: Annotated[Seconds, Field(gt=0)] = 60.0
    """... after so long."""
    flags_s: Annotated[Seconds, Field(ge=0, le=10)] = 0.01
    """For writing the boot flags of one ECU: a page of data flash of two copies, some ms."""
    boot_s: Annotated[Seconds, Field(gt=0)] = 2.0
    """From an ECU's reset to the first activation of its firmware."""
    boot_attempts: Annotated[int, Field(ge=1, le=255)] = 3
    """Boots that a bootloader gives a version on trial before it goes to the other slot; RAUC's and barebox's 3."""
    check_s: Annotated[Seconds, Field(gt=0)] = 60.0
    """How long a new version runs on trial before its health is asked for."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if problems := list(self._problems()):
            raise ValueError("; ".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        if self.backoff_most_s < self.backoff_s:
            yield f"found backoff_most_s {self.backoff_most_s:g}; expected backoff_s, {self.backoff_s:g}, or more"
        if self.look_s > self.patience_s:
            yield f"found look_s {self.look_s:g}; expected patience_s, {self.patience_s:g}, or less"
        if self.slow_s > self.download_limit_s:
            yield f"found slow_s {self.slow_s:g}; expected download_limit_s, {self.download_limit_s:g}, or less"


def nanoseconds(time_s: float) -> int:
    """Return a time of the options in whole nanoseconds."""
    return round(time_s * 1e9)
