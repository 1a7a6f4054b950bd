"""The ECUs of a shard's sites, as their bootloaders see them: controllers that run, nodes that talk."""

from __future__ import annotations

from collections.abc import Sequence

from twin.bms.controllers import Controllers
from twin.ota.client import ports
from twin.ota.distribution.distribution import Distribution


class Workshop:
    """Boots ECUs and says what becomes of them."""

    def __init__(self, controllers: Controllers, distribution: Distribution) -> None:
        self._controllers, self._distribution = controllers, distribution
        self.power_off = controllers.power_off
        self.healthy = controllers.healthy

    def boot(self, site: int, ecu: int, version: int, time_ns: int, *, silent_ns: int, migrate: bool) -> None:
        """Start a version, and with it the ECU's diagnostic server."""
        self._distribution.boot(site, ecu, time_ns, silent_ns)
        self._controllers.boot(site, ecu, version, time_ns, silent_ns=silent_ns, migrate=migrate)

    def take_failures(self) -> Sequence[ports.Failed]:
        """Return the programs that have ended."""
        return [ports.Failed(one.time_ns, one.site, one.ecu, one.why) for one in self._controllers.take_failures()]
