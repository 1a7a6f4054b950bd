"""Hybrid: each module measures, balances and protects itself; a pack controller decides limits and contactors."""

from __future__ import annotations

from typing import Any, ClassVar

from twin.bms.architectures.architecture import Architecture, Ecu
from twin.bms.firmware.firmware import Firmware
from twin.bms.firmware.inverter_control import InverterControl
from twin.bms.firmware.module_monitor import ModuleMonitor
from twin.bms.firmware.pack_controller import PackController


class Hybrid(Architecture):
    """A monitor a module, a controller a pack, and the inverter."""

    database_suffix: ClassVar[str] = ""

    def ecus(self) -> tuple[Ecu, ...]:
        """Return the monitors slot by slot, then the controllers, then the inverter."""
        return (*self.by_module(ModuleMonitor), *self.by_pack(PackController), self.of_site(InverterControl))

    def own_firmware(self) -> tuple[Firmware[Any], ...]:
        """Return the three roles' firmware."""
        of_role = (ModuleMonitor, PackController, InverterControl)
        return tuple(made(self.options, self.site) for made in of_role)
