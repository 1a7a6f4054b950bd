"""What an update is doing at a site; the words are Mender's where it has them."""

from __future__ import annotations

from enum import IntEnum


class UpdateState(IntEnum):
    """Where a site stands with the release that it was last told to run."""

    IDLE = 0
    """The campaign has not told it anything."""
    PENDING = 1
    """Chosen by the campaign; the site has not asked yet."""
    WAITING = 2
    """The site knows, and waits for its pre-conditions, its window, or the next attempt."""
    DOWNLOADING = 3
    INSTALLING = 4
    """Images go over the bus into the other slots of the ECUs."""
    REBOOTING = 5
    CHECKING = 6
    """The new version runs on trial."""
    SUCCESS = 7
    FAILURE = 8
    """Given up: every ECU runs what it ran before, or what its bootloader fell back to."""
    ABORTED = 9
    """Cancelled by the campaign before it was installed."""


FINAL = (UpdateState.SUCCESS, UpdateState.FAILURE, UpdateState.ABORTED)
"""Where an update ends."""
AT_WORK = (UpdateState.INSTALLING, UpdateState.REBOOTING, UpdateState.CHECKING)
"""While it is at one of these, the site's buses and ECUs are concerned."""
