"""Distributed: each module measures, balances, protects and isolates itself, and peers agree on the rest over CAN."""

from __future__ import annotations

from typing import Any, ClassVar

from twin.bms.architectures.architecture import Architecture, Ecu
from twin.bms.firmware.firmware import Firmware
from twin.bms.firmware.inverter_of_peers import InverterOfPeers
from twin.bms.firmware.peer_monitor import PeerMonitor


class Distributed(Architecture):
    """An ECU a module, and the inverter; there is no pack contactor and nobody to command one."""

    database_suffix: ClassVar[str] = "_distributed"
    pack_contactors: ClassVar[bool] = False

    def ecus(self) -> tuple[Ecu, ...]:
        """Return the modules slot by slot, then the inverter."""
        return (*self.by_module(PeerMonitor), self.of_site(InverterOfPeers))

    def own_firmware(self) -> tuple[Firmware[Any], ...]:
        """Return the two roles' firmware."""
        return PeerMonitor(self.options, self.site), InverterOfPeers(self.options, self.site)
