"""The bootloaders of a shard's ECUs: their boot flags as they are written, and what they start."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from twin.ota.client.journal import Boot, Journal
from twin.ota.client.options import ClientOptions, nanoseconds
from twin.ota.client.phases import Phase, Update
from twin.ota.client.ports import Ecus
from twin.ota.client.slots import EMPTY, Slots


class Bootloaders:
    """Slots and boot flags of all ECUs, and the versions that run."""

    def __init__(self, options: ClientOptions, sites: int, count: int, ecus: Ecus, journal: Journal) -> None:
        self._ecus, self._journal = ecus, journal
        self.flags_ns, self.boot_ns = nanoseconds(options.flags_s), nanoseconds(options.boot_s)
        self.slots = Slots(sites, count, options.boot_attempts)
        self.running = np.zeros((sites, count), np.int32)
        """Version that each ECU was booted with; -1 without power."""
        self.restarts = np.zeros(sites, np.int64)
        """Boots of each site's ECUs."""
        self._memory = np.zeros((sites, count), np.int32)
        """Version that wrote what each ECU's memory keeps."""

    def write_flags(self, site: int, phase: Phase, update: Update, time_ns: int) -> None:
        """Write the boot flags that are written by ``time_ns``: one ECU's after the other, each at once."""
        spent_ns = max(time_ns - update.begun_ns, 0)
        done = min(spent_ns // self.flags_ns, len(update.trial)) if self.flags_ns else len(update.trial)
        for ecu, slot in update.trial[:done]:
            if phase is Phase.COMMITTING:
                self.slots.mark_good(site, ecu, slot)
            else:
                self.slots.put_first(site, ecu, slot if phase is Phase.SWITCHING else 1 - slot)

    def start(self, site: int, versions: Iterable[tuple[int, int]], time_ns: int) -> None:
        """Start (ECU, version) at ``time_ns``."""
        for ecu, version in versions:
            self.running[site, ecu] = version
            self.restarts[site] += 1
            self._journal.boots.append(Boot(time_ns, site, ecu, version))
            if version != EMPTY:
                migrate = bool(self._memory[site, ecu] != version)
                self._ecus.boot(site, ecu, version, time_ns, silent_ns=self.boot_ns, migrate=migrate)
                self._memory[site, ecu] = version

    def off(self, site: int, time_ns: int) -> None:
        """Note that none of a site's ECUs has power."""
        self.running[site] = EMPTY
        self._journal.boots += [Boot(time_ns, site, ecu, EMPTY) for ecu in range(self.running.shape[1])]
