"""The flash of the sites' ECUs: two slots each, and what their bootloaders make of them.

An ECU boots the slot that is first in its boot order. A slot that is not marked good is on trial: each boot takes one
of its attempts, and when none is left, or its content does not verify, the bootloader goes to the other slot (RAUC's
semantics, https://rauc.readthedocs.io, "Boot order and attempts"). A boot that could only end with nothing at all takes
a slot on trial beyond its attempts.

Order, attempts and marks are the ECU's *boot flags*: two copies with sequence number and CRC, of which the older is
overwritten. A write of them therefore takes effect as a whole or not at all, wherever the power fails.
"""

from __future__ import annotations

import numpy as np

A, B = 0, 1
EMPTY = -1
"""No version; also what runs on an ECU on which nothing does."""


class Slots:
    """Content and boot flags of all slots, in arrays ``[site, ecu, slot]`` and ``[site, ecu]``.

    At first slot A has version 0, marked good and running, and B is empty.
    """

    def __init__(self, sites: int, ecus: int, boot_attempts: int) -> None:
        self._boot_attempts = boot_attempts
        shape = (sites, ecus, 2)
        self.version = np.full(shape, EMPTY, np.int32)
        """Of what has been written, whole or in part."""
        self.written_bytes = np.zeros(shape, np.int64)
        """Of it, from the begin on: flash is written in sequence."""
        self.verified = np.zeros(shape, np.bool_)
        """Whether it is whole and its signature is right, so that a bootloader may start it."""
        self.good = np.zeros(shape, np.bool_)
        """Marked good: no longer on trial."""
        self.first = np.zeros(shape[:2], np.int8)
        """Slot that the bootloader tries first."""
        self.attempts = np.zeros(shape[:2], np.int16)
        """Boots that are left to the first slot while it is on trial."""
        self.booted = np.zeros(shape[:2], np.int8)
        """Slot that runs, -1 if none does."""
        self.version[..., A] = 0
        self.verified[..., A] = self.good[..., A] = True

    def write(self, site: int, ecu: int, version: int, written_bytes: int, *, verified: bool) -> None:
        """Put ``version`` into the slot that is not running, as far as it has been written."""
        slot = self.spare(site, ecu)
        self.version[site, ecu, slot] = version
        self.written_bytes[site, ecu, slot] = written_bytes
        self.verified[site, ecu, slot] = verified
        self.good[site, ecu, slot] = False

    def spare(self, site: int, ecu: int) -> int:
        """Return the slot that is not first in the boot order: the one that may be written."""
        return 1 - int(self.first[site, ecu])

    def holds(self, site: int, ecu: int, version: int) -> bool:
        """Return whether the spare slot has ``version``, fit to be started."""
        slot = self.spare(site, ecu)
        return bool(self.verified[site, ecu, slot] and self.version[site, ecu, slot] == version)

    def put_first(self, site: int, ecu: int, slot: int) -> None:
        """Write boot flags: ``slot`` is to be booted, with all attempts unless it is marked good."""
        if self.first[site, ecu] != slot:
            self.first[site, ecu] = slot
            self.attempts[site, ecu] = 0 if self.good[site, ecu, slot] else self._boot_attempts

    def mark_good(self, site: int, ecu: int, slot: int) -> None:
        """Write boot flags: ``slot`` is no longer on trial."""
        self.good[site, ecu, slot] = True
        self.attempts[site, ecu] = 0

    def boot(self, site: int, ecu: int) -> int:
        """Do what the bootloader does after a reset, and return the version that it starts, ``EMPTY`` if none."""
        slot = self._chosen(site, ecu)
        self.booted[site, ecu] = slot
        return EMPTY if slot < 0 else int(self.version[site, ecu, slot])

    def _chosen(self, site: int, ecu: int) -> int:
        slot = int(self.first[site, ecu])
        verified, good = self.verified[site, ecu], self.good[site, ecu]
        if verified[slot] and good[slot]:
            return slot
        if verified[slot] and self.attempts[site, ecu] > 0:
            self.attempts[site, ecu] -= 1
            return slot
        if verified[1 - slot]:
            self.first[site, ecu], self.attempts[site, ecu] = 1 - slot, 0
            return 1 - slot
        return slot if verified[slot] else -1
