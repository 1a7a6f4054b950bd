"""Images on their way from the gateways of many sites into the ECUs' flash memories.

The gateway is the primary ECU and the UDS client, every ECU a server. A transfer is the sequence 10 02, 27, 31 FF00
(erase), 34, 36 for every block, 37, 31 FF01 (check). The ECU goes on controlling meanwhile, from its other slot (the
memory can be written while it is read), and its control traffic competes with the transfer; the reset comes later and
is not part of it. Several ECUs of a site may be at it at once.

Rules
- A block that is not answered is sent again ``block_attempts`` times in all; anything else that is not answered, or is
  refused, ends the transfer. Whoever began it may begin it again: from the erase.
- What ended because nobody answered counts as BUS_OFF where the gateway or the ECU was bus-off meanwhile.
- Power that fails ends the transfers of a site without a word, and tears the write that is under way.

Not modelled: a tester beside the gateway, sessions that others hold, flash cells that wear out.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from hashlib import blake2s

import numpy as np
from numpy.typing import NDArray

from twin.errors import SimulationError
from twin.network.dbc.database import GATEWAY
from twin.network.engines.engine import Engine
from twin.network.engines.records import NodeState
from twin.network.site import SiteNetwork
from twin.network.uds.client import flash_sequence
from twin.network.uds.diagnostics import ClientRules, Diagnostics
from twin.network.uds.server import ServerRules, UdsServer
from twin.ota.causes import Cause
from twin.ota.client.ports import Finished
from twin.ota.distribution.flash import NOT_ERASED, Content, EcuFlash
from twin.ota.distribution.options import FlashOptions

IntArray = NDArray[np.int64]
NO_CHANNEL = -1
_KEY_BYTES = 4


@dataclass(frozen=True)
class Ended(Finished):
    """The end of a transfer; ``cause`` NONE if the ECU has all of the image and found it good."""

    why: str = ""
    """What the ECU said, or did not."""


class Distribution:
    """The transfers of all sites of an engine: an ``Installer`` of update clients.

    ``ecu`` is an index into ``ecus``, which are names of nodes; ``image_of(ecu, version)`` are the bytes to send;
    ``accepts(site, ecu, image)`` is what an ECU finds of a complete image when it checks it, None: all are good.
    """

    def __init__(
        self,
        engine: Engine,
        wires: SiteNetwork,
        ecus: Sequence[str],
        options: FlashOptions,
        image_of: Callable[[int, int], bytes],
        *,
        accepts: Callable[[int, int, bytes], bool] | None = None,
    ) -> None:
        self._engine, self._ecus, self._options = engine, tuple(ecus), options
        self._image_of, self._accepts = image_of, accepts
        self._channel = [wires.channels.get(ecu, NO_CHANNEL) for ecu in ecus]
        self._ecu = {channel: ecu for ecu, channel in enumerate(self._channel)}
        self._nodes = [node for name in (*ecus, GATEWAY) for node in wires.controllers.get(name, {}).values()]
        self._flashes: dict[tuple[int, int], EcuFlash] = {}
        self._servers: dict[tuple[int, int], UdsServer] = {}
        rules = ClientRules(round(options.answer_s * 1e9), round(options.pending_s * 1e9))
        period_ns = round(options.task_period_s * 1e9)
        self._diagnostics = Diagnostics(engine, self._servers, rules, task_period_ns=period_ns)
        self._begun: dict[int, tuple[int, int]] = {}

    @property
    def busy(self) -> NDArray[np.bool_]:
        """``[site]``: whether a transfer has begun and not ended."""
        return self._diagnostics.busy

    @property
    def reached_ns(self) -> IntArray:
        """``[site]``: the instant that its buses have been advanced to."""
        return self._diagnostics.reached_ns

    def begin(self, site: int, ecu: int, version: int, slot: int, time_ns: int) -> None:
        """Erase a slot of an ECU and write a version into it, from ``time_ns`` on; ends what the ECU was at.

        Raises SimulationError if the site has been advanced beyond that, or the ECU has no channel.
        """
        channel, image = self._channel[ecu], self._image_of(ecu, version)
        if channel == NO_CHANNEL:
            raise SimulationError(f"{self._ecus[ecu]} cannot be updated: it has no channel to {GATEWAY}")
        self._flash(site, ecu).expect(slot, image)
        self._diagnostics.start(site, channel, self._transfer(site, ecu, image, slot), time_ns)
        self._begun[site] = ecu, slot

    def cancel(self, site: int) -> None:
        """End the transfers of a site; of what its bus has been given already, nothing is heard any more."""
        self._diagnostics.stop(site)

    def power_off(self, site: int, time_ns: int) -> None:
        """Let power fail at ``time_ns``, which the site has not reached: gateway and ECUs lose all but their memories.

        Raises SimulationError if the site has been advanced beyond that.
        """
        self._diagnostics.cut(site, time_ns)
        self._power(site, time_ns, on=False)

    def power_on(self, site: int, time_ns: int) -> None:
        """Let the site's nodes take part in its bus again; each ECU then waits for its ``boot``."""
        self._power(site, time_ns, on=True)

    def boot(self, site: int, ecu: int, time_ns: int, silent_ns: int) -> None:
        """Let an ECU start at ``time_ns``: its server forgets its session, and does not answer for ``silent_ns``."""
        flash = self._flashes.get((site, ecu))
        if flash is not None:
            flash.silent_ns = silent_ns
            self._servers[site, self._channel[ecu]].restart(time_ns)

    def advance(self, until_ns: IntArray) -> None:
        """Advance the buses of every site up to its own instant ``until_ns[site]``, and all transfers with them."""
        self._diagnostics.advance(until_ns)

    def take_finished(self) -> list[Finished]:
        """Return the transfers that ended since the last call, by (time, site, ECU), and forget them."""
        found = [
            Ended(one.time_ns, one.site, self._ecu[one.channel], *one.result)
            for one in self._diagnostics.take_finished()
        ]
        return sorted(found, key=lambda one: (one.time_ns, one.site, one.ecu))

    def content(self, site: int, ecu: int, slot: int) -> Content:
        """Return what is in a slot at the instant that the site has reached."""
        flash = self._flashes.get((site, ecu))
        return Content() if flash is None else flash.content(slot, self._left_ns(site, ecu))

    def written_bytes(self, site: int) -> int:
        """Return how much of the image that was begun last is in its slot; -1: its erase has not begun."""
        if site not in self._begun:
            return NOT_ERASED
        ecu, slot = self._begun[site]
        begun = self._flashes[site, ecu].begun
        return self.content(site, ecu, slot).written_bytes if begun else NOT_ERASED

    def _left_ns(self, site: int, ecu: int) -> int:
        return self._servers[site, self._channel[ecu]].left_ns(int(self.reached_ns[site]))

    def _flash(self, site: int, ecu: int) -> EcuFlash:
        """Return the memory of an ECU; the first time, with a server before it."""
        if (site, ecu) not in self._flashes:
            accepts = self._accepts
            flash = EcuFlash(self._options, lambda image: accepts is None or accepts(site, ecu, image))
            key = int(self._engine.keys[site])
            self._flashes[site, ecu] = flash
            self._servers[site, self._channel[ecu]] = UdsServer(
                flash, lambda count: _seed(key, ecu, count), key_of, rules=self._rules()
            )
        return self._flashes[site, ecu]

    def _rules(self) -> ServerRules:
        delay_ns = round(self._options.security_delay_s * 1e9)
        return ServerRules(block_bytes=self._options.block_bytes, delay_ns=delay_ns)

    def _power(self, site: int, time_ns: int, *, on: bool) -> None:
        for node in self._nodes:
            self._engine.power(node, np.array([site]), np.array([time_ns]), on=on)

    def _transfer(self, site: int, ecu: int, image: bytes, slot: int) -> Generator[bytes, bytes, tuple[Cause, str]]:
        """Flash an ECU, and return why that did not succeed."""
        bus_offs = self._count_bus_offs(site, ecu, lasting=False)
        refusal = yield from flash_sequence(
            image,
            key_of=key_of,
            address=slot * self._options.slot_bytes,
            attempts=self._options.block_attempts,
            reset=False,
        )
        if refusal is None:
            return Cause.NONE, ""
        if not refusal.silent:
            return Cause.TRANSFER_REFUSED, str(refusal)
        bus_off = self._count_bus_offs(site, ecu, lasting=True) > bus_offs
        return Cause.BUS_OFF if bus_off else Cause.TRANSFER_TIMEOUT, str(refusal)

    def _count_bus_offs(self, site: int, ecu: int, *, lasting: bool) -> int:
        """Return how often the ends of a channel have gone bus-off by now, with or without those that still are."""
        network, nodes = self._engine.network, self._engine.nodes
        channel = network.channels[self._channel[ecu]]
        ends = [network.messages[message].node for message in (channel.request, channel.response)]
        lasts = nodes.state[site, ends] == NodeState.BUS_OFF
        return int(nodes.bus_offs[site, ends].sum()) - (0 if lasting else int(lasts.sum()))


def _seed(key: int, ecu: int, count: int) -> bytes:
    """Return the seed of a site's ECU, which is not all zeros."""
    words = b"".join(number.to_bytes(8, "big") for number in (key, ecu, count))
    return blake2s(words, digest_size=_KEY_BYTES - 1).digest() + b"\x01"


def key_of(seed: bytes) -> bytes:
    """Return the key that unlocks an ECU; all ECUs of a maker share the secret, as is usual, and regrettable."""
    return blake2s(seed, key=b"maker", digest_size=_KEY_BYTES).digest()
