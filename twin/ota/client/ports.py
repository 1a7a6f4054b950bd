"""What the update clients of a shard need of others; ``site`` is the row in the shard, ``ecu`` the ECU's index there.

Stage 4 of a tick ``[start, end)`` decides about what has happened in it, and what it asks for then begins at ``end``
or later. Only the loss of power is told before, since it stops things in the middle of the tick.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from twin.ota.causes import Cause
from twin.ota.effects import Attack


@dataclass(frozen=True)
class EcuImage:
    """One ECU's part of a release."""

    ecu: int
    version: int
    """Index of what is really in it among the versions of the ECU's role; that of an attacker's image is its own."""
    size_bytes: int
    refused: Cause = Cause.NONE
    """What the ECU itself, which verifies partially, has against the image once it has it."""


@dataclass(frozen=True)
class Offer:
    """What a site gets when it asks for a release, and what comes of verifying it."""

    release: int
    images: tuple[EcuImage, ...] = ()
    """In the order of installation: what others depend on comes first. ECUs that it is not about are absent."""
    download_bytes: int = 0
    """What the metadata say that the images are together, each role's once."""
    sent_bytes: int | None = None
    """What the other side sends; more than ``download_bytes`` is endless data. None: what the metadata say."""
    rate_bit_s: float = math.inf
    """Of the other side, where it is what slows the download down."""
    news: bool = True
    """False: nobody answers, or what comes verifies and does not show the release; the site hears nothing of it."""
    metadata: Cause = Cause.NONE
    """Why the metadata were refused, if they were: before anything is downloaded."""
    content: Cause = Cause.NONE
    """Why what was downloaded was refused, if it was: before anything is installed."""
    text: str = ""
    """What the verification said, in plain language."""


class Verifier(Protocol):
    """Where a site asks for a release: repositories, attacks and full verification are behind it."""

    def offer(self, site: int, release: int, time_ns: int, clock_ns: int, attacks: Sequence[Attack]) -> Offer:
        """Return what ``site`` gets at ``time_ns``, when its own clock says ``clock_ns`` and ``attacks`` are on."""
        ...


@dataclass(frozen=True)
class Finished:
    """A transfer into an ECU's slot has ended; ``cause`` NONE if the ECU has all of the image."""

    time_ns: int
    site: int
    ecu: int
    cause: Cause


class Installer(Protocol):
    """Who moves images over the site's bus into the flash of its ECUs, one at a time a site."""

    def begin(self, site: int, ecu: int, version: int, slot: int, time_ns: int) -> None:
        """Erase ``slot`` (0 or 1) and write ``version`` into it, from ``time_ns`` on."""
        ...

    def cancel(self, site: int) -> None:
        """End what is under way at a site, if anything; nothing is heard of it any more."""
        ...

    def power_off(self, site: int, time_ns: int) -> None:
        """Stop what is under way at exactly ``time_ns``, which the bus has not reached yet; no ``Finished`` follows."""
        ...

    def power_on(self, site: int, time_ns: int) -> None:
        """Let the site's nodes take part in its bus again."""
        ...

    def written_bytes(self, site: int) -> int:
        """Return how much of the image that was begun last is in the flash; -1: the erase has not begun yet.

        Asked after the bus has passed the instant of ``power_off``, or before ``cancel``.
        """
        ...

    def take_finished(self) -> Sequence[Finished]:
        """Return what has ended since the last call."""
        ...


@dataclass(frozen=True)
class Failed:
    """A program crashed or hung; the ECU is silent, and its bootloader decides what it boots next."""

    time_ns: int
    site: int
    ecu: int
    why: str = ""


class Ecus(Protocol):
    """The ECUs of the shard's sites."""

    def boot(self, site: int, ecu: int, version: int, time_ns: int, *, silent_ns: int, migrate: bool) -> None:
        """Start ``version``: silent from ``time_ns`` for ``silent_ns``; ``migrate`` if it takes over from another."""
        ...

    def power_off(self, site: int, time_ns: int) -> None:
        """Switch all ECUs of a site off at ``time_ns``, until each is booted."""
        ...

    def take_failures(self) -> Sequence[Failed]:
        """Return the programs that ended since the last call."""
        ...

    def healthy(self, site: int, ecu: int, since_ns: int) -> bool:
        """Return whether an ECU runs, has sent since ``since_ns``, and says that it is well."""
        ...


class Window(Protocol):
    """When a site may be updated, by its own clock."""

    def opens_ns(self, site: int, clock_ns: int) -> int:
        """Return the first instant from ``clock_ns`` on at which the window is open: ``clock_ns`` itself if it is."""
        ...


class AlwaysOpen:
    """No window: any time will do."""

    def opens_ns(self, site: int, clock_ns: int) -> int:  # noqa: ARG002
        """Return ``clock_ns``."""
        return clock_ns
