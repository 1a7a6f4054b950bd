"""Why an update did not go on, in a word for tables and a sentence for people."""

from __future__ import annotations

from enum import IntEnum


class Cause(IntEnum):
    """Why a site left its last state for the present one; NONE where all went well."""

    NONE = 0
    METADATA_REFUSED = 1
    IMAGE_REFUSED = 2
    DEPENDENCY_UNMET = 3
    STORAGE_FULL = 4
    DOWNLOAD_FAILED = 5
    TRANSFER_REFUSED = 6
    TRANSFER_TIMEOUT = 7
    BUS_OFF = 8
    BOOT_FAILED = 9
    HEALTH_CHECK_FAILED = 10
    POWER_LOST = 11
    CANCELLED = 12
    CONDITIONS_UNMET = 13
    WINDOW_CLOSED = 14
    GATE_STOPPED = 15

    @property
    def sentence(self) -> str:
        """What happened, in plain language."""
        return _SENTENCES[self]


_SENTENCES = {
    Cause.NONE: "all went well",
    Cause.METADATA_REFUSED: "the repository's metadata did not verify",
    Cause.IMAGE_REFUSED: "the image did not verify",
    Cause.DEPENDENCY_UNMET: "another ECU runs a version that the image cannot work with",
    Cause.STORAGE_FULL: "the site had no room for the images",
    Cause.DOWNLOAD_FAILED: "the download was given up",
    Cause.TRANSFER_REFUSED: "an ECU refused the transfer",
    Cause.TRANSFER_TIMEOUT: "an ECU did not answer during the transfer",
    Cause.BUS_OFF: "a controller went bus-off during the transfer",
    Cause.BOOT_FAILED: "the new version did not start, and the bootloader went back to the old one",
    Cause.HEALTH_CHECK_FAILED: "the new version started, and did not pass its health check",
    Cause.POWER_LOST: "the site lost its power",
    Cause.CANCELLED: "the campaign cancelled it",
    Cause.CONDITIONS_UNMET: "the battery never was in a state in which it may be updated",
    Cause.WINDOW_CLOSED: "the maintenance window closed",
    Cause.GATE_STOPPED: "a gate stopped the rollout",
}
