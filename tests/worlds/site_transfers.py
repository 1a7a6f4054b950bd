"""A site's network with a gateway, what else is said on it, and transfers to its ECUs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from twin.network.dbc.database import Database, bus_messages
from twin.network.engines.engine import Engine
from twin.network.engines.registry import ENGINES
from twin.network.options import Bus
from twin.network.site import SiteNetwork, site_network
from twin.ota.client.ports import Finished
from twin.ota.distribution.distribution import Distribution
from twin.ota.distribution.options import FlashOptions

MS, S = 1_000_000, 1_000_000_000
PACK, FIRST_MODULE = 0, 1
PAYLOAD = tuple(number * 29 for number in range(1, 9))
"""What cyclic messages say."""


def image_of(size: int) -> bytes:
    return np.random.default_rng(20).bytes(size)


@dataclass
class Transfers:
    """Sites of ``modules`` in one pack; ECU 0 is the pack's controller, ECU n the n-th module's monitor."""

    modules: int = 2
    sites: int = 1
    engine: str = "native"
    flash: FlashOptions = field(default_factory=FlashOptions)
    bus: Bus = field(default_factory=Bus)
    image: bytes = field(default_factory=lambda: image_of(10_000))
    refused: frozenset[int] = frozenset()
    """ECUs that find no image good."""
    keys: Sequence[int] = ()
    logged: bool = False

    def __post_init__(self) -> None:
        layouts = bus_messages(Database.load("home_battery"), 1, self.modules, gateway=True)
        self.wires: SiteNetwork = site_network(layouts, self.bus, transport=self.flash.transport)
        keys = np.array(self.keys or range(self.sites), np.uint64)
        logged = range(self.sites) if self.logged else ()
        self.buses: Engine = ENGINES[self.engine](self.wires.network, self.sites, keys=keys, logged=logged)
        ecus = ["Pack1", *(f"Module{number:02}" for number in range(1, self.modules + 1)), "Inverter"]
        self.distribution = Distribution(
            self.buses,
            self.wires,
            ecus,
            self.flash,
            lambda _ecu, version: self.image if version else b"factory",
            accepts=lambda _site, ecu, _image: ecu not in self.refused,
        )

    def cycle(self, message: str, period_ns: int, first_ns: int = 0) -> None:
        """Let all sites say a message of the database so often, always the same."""
        everywhere = np.arange(self.sites)
        payload = np.tile(np.array(PAYLOAD, np.uint8), (self.sites, 1))
        for one in self.wires.sent(self.wires.layout(message)):
            self.buses.cycle(one, everywhere, everywhere * 0 + first_ns, everywhere * 0 + period_ns, payload)

    def begin(self, *ecus: int, sites: Sequence[int] | None = None, time_ns: int = 0, slot: int = 1) -> None:
        for site in range(self.sites) if sites is None else sites:
            for ecu in ecus:
                self.distribution.begin(site, ecu, 1, slot, time_ns)

    def advance(self, until_ns: int) -> None:
        self.distribution.advance(np.full(self.sites, until_ns))

    def finish(self, within_ns: int, step_ns: int = S) -> list[Finished]:
        """Go on in steps until nothing is under way, and return what ended."""
        now_ns, ended = int(self.distribution.reached_ns.max()), list[Finished]()
        last_ns = now_ns + within_ns
        while self.distribution.busy.any() and now_ns < last_ns:
            now_ns = min(now_ns + step_ns, last_ns)
            self.advance(now_ns)
            ended += self.distribution.take_finished()
        return ended

    def frames(self) -> Mapping[str, int]:
        """Return how many frames of each message all sites have seen."""
        counts = self.buses.statistics.frames.sum(axis=0).tolist()
        return {one.name: count for one, count in zip(self.wires.network.messages, counts, strict=True)}
