"""What a site is at: a little finer than the states that it reports, and what it must remember through a power loss."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from twin.ota.causes import Cause
from twin.ota.client.ports import EcuImage, Offer
from twin.ota.states import UpdateState


class Phase(IntEnum):
    """Where an update stands; kept in memory that survives a power loss, and changed in one write."""

    IDLE = 0
    """Nothing is to be done."""
    WAITING = 1
    DOWNLOADING = 2
    INSTALLING = 3
    SWITCHING = 4
    """Boot flags are written, ECU by ECU: the new slots come first."""
    BOOTING = 5
    CHECKING = 6
    COMMITTING = 7
    """Boot flags are written, ECU by ECU: the new slots are good."""
    RETURNING = 8
    """Boot flags are written, ECU by ECU: the old slots come first again."""
    RETURNED = 9
    """The old versions boot."""


STATES = {
    Phase.WAITING: UpdateState.WAITING,
    Phase.DOWNLOADING: UpdateState.DOWNLOADING,
    Phase.INSTALLING: UpdateState.INSTALLING,
    Phase.SWITCHING: UpdateState.REBOOTING,
    Phase.BOOTING: UpdateState.REBOOTING,
    Phase.CHECKING: UpdateState.CHECKING,
    Phase.COMMITTING: UpdateState.CHECKING,
    Phase.RETURNING: UpdateState.REBOOTING,
    Phase.RETURNED: UpdateState.REBOOTING,
}
"""What a site reports in each phase; IDLE is whatever the last update ended in."""
REVOCABLE = (Phase.IDLE, Phase.WAITING, Phase.DOWNLOADING, Phase.INSTALLING)
"""In which another order, or a cancellation, is obeyed at once."""
ON_TRIAL = (Phase.BOOTING, Phase.CHECKING, Phase.COMMITTING)
"""In which new versions run, or should, that the site has not taken over yet."""
WRITING_FLAGS = (Phase.SWITCHING, Phase.COMMITTING, Phase.RETURNING)
RETRIED = frozenset(
    (
        *(Cause.METADATA_REFUSED, Cause.IMAGE_REFUSED, Cause.STORAGE_FULL, Cause.DOWNLOAD_FAILED),
        *(Cause.TRANSFER_REFUSED, Cause.TRANSFER_TIMEOUT, Cause.BUS_OFF),
    )
)
"""Causes after which another attempt may go well."""


@dataclass
class Update:
    """One site's update under way, and the images that its gateway has kept."""

    release: int = -1
    attempt: int = 1
    begun_ns: int = 0
    """When the present phase began, or what is done in it."""
    offer: Offer | None = None
    """None: to be asked for."""
    cause: Cause = Cause.NONE
    """Of a download, how it will end; of a return to the old versions, why."""
    images: tuple[EcuImage, ...] = ()
    """What the gateway has in store, or part of it."""
    kept_bytes: int = 0
    stored: bool = False
    """Whether all of it is there, and verified."""
    writing: EcuImage | None = None
    """What goes over the bus."""
    trial: tuple[tuple[int, int], ...] = ()
    """ECUs that change over, each with its new slot."""
