"""The incidents of a shard's sites: when the power goes and comes, and what else is so at an instant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from twin.ota.client.wan import NEVER, Span, merged
from twin.ota.effects import Attack, ClockWrong, Incident, PowerLoss, StorageFull

AnyIncident = TypeVar("AnyIncident", bound=Incident)


class Incidents:
    """What befalls each site; ``Incident.site`` is the row."""

    def __init__(self, sites: int, incidents: Iterable[Incident]) -> None:
        self._of: dict[int, list[Incident]] = defaultdict(list)
        for incident in incidents:
            self._of[incident.site].append(incident)
        self._power: dict[int, list[Span]] = {}
        self.power_ns: NDArray[np.int64] = np.full(sites, NEVER, np.int64)
        """When the power of each site next goes or comes."""
        for site, found in self._of.items():
            spans = merged((one.time_ns, one.end_ns) for one in found if isinstance(one, PowerLoss))
            if spans:
                self._power[site] = spans[::-1]
                self.power_ns[site] = spans[0][0]

    def every(self, kind: type[AnyIncident]) -> list[AnyIncident]:
        """Return all incidents of a kind, by site and in their order there."""
        return [one for _, found in sorted(self._of.items()) for one in found if isinstance(one, kind)]

    def power_changes(self, site: int) -> None:
        """Move on over the change of a site's power that comes next."""
        begin_ns, back_ns = self._power[site][-1]
        if self.power_ns[site] == begin_ns:
            self.power_ns[site] = back_ns
            return
        self._power[site].pop()
        self.power_ns[site] = self._power[site][-1][0] if self._power[site] else NEVER

    def clock_ns(self, site: int, time_ns: int) -> int:
        """Return what a site's clock shows."""
        return time_ns + sum(one.offset_ns for one in self._now(site, time_ns, ClockWrong))

    def attacks(self, site: int, time_ns: int) -> tuple[Attack, ...]:
        """Return the attacks that are on."""
        return tuple(self._now(site, time_ns, Attack))

    def full_from_ns(self, site: int, time_ns: int) -> int:
        """Return the first instant from ``time_ns`` on at which the storage is full; ``NEVER`` if none."""
        full = [one for one in self._of.get(site, ()) if isinstance(one, StorageFull) and one.end_ns > time_ns]
        return min((max(one.time_ns, time_ns) for one in full), default=NEVER)

    def _now(self, site: int, time_ns: int, kind: type[AnyIncident]) -> list[AnyIncident]:
        return [one for one in self._of.get(site, ()) if isinstance(one, kind) and one.holds(time_ns)]
