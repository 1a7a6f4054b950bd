"""Centralized: one controller a pack is wired to all its cells, and can open the pack and nothing smaller."""

from __future__ import annotations

from typing import Any, ClassVar

from twin.bms.architectures.architecture import Architecture, Ecu
from twin.bms.firmware.central_controller import CentralController
from twin.bms.firmware.firmware import Firmware
from twin.bms.firmware.inverter_control import InverterControl


class Centralized(Architecture):
    """A controller a pack, and the inverter; modules are cells, resistors and wires."""

    database_suffix: ClassVar[str] = "_centralized"
    scans: ClassVar[bool] = True
    module_contactors: ClassVar[bool] = False

    def ecus(self) -> tuple[Ecu, ...]:
        """Return the controllers, then the inverter."""
        return (*self.by_pack(CentralController), self.of_site(InverterControl))

    def own_firmware(self) -> tuple[Firmware[Any], ...]:
        """Return the two roles' firmware."""
        return CentralController(self.options, self.site), InverterControl(self.options, self.site)
