"""Hybrid: each module measures, balances and protects itself; a pack controller decides limits and contactors."""

from __future__ import annotations

from typing import Any

from twin.bms.architectures.architecture import Architecture, Ecu
from twin.bms.firmware.firmware import Firmware
from twin.bms.firmware.inverter_control import InverterControl
from twin.bms.firmware.module_monitor import ModuleMonitor
from twin.bms.firmware.pack_controller import PackController


class Hybrid(Architecture):
    """A monitor a module, a controller a pack, and the inverter."""

    def ecus(self) -> tuple[Ecu, ...]:
        """Return the monitors slot by slot, then the controllers, then the inverter."""
        modules = self.site.modules
        monitors = [Ecu(ModuleMonitor.role, slot // modules, slot) for slot in range(self.site.packs * modules)]
        controllers = [Ecu(PackController.role, pack, pack * modules) for pack in range(self.site.packs)]
        return (*monitors, *controllers, Ecu(InverterControl.role, 0, 0))

    def firmware(self) -> tuple[Firmware[Any], ...]:
        """Return the three roles' firmware."""
        site = self.site
        return (
            ModuleMonitor(self.options, site.capacity_Ah, site.cells, site.ocv),
            PackController(self.options, site.modules),
            InverterControl(self.options),
        )
