"""A module monitor that waits for 5 s, not 0.7 s, until a voltage beyond its limit counts.

What an operator would see: nothing, until a cell leaves its limits; then the module is isolated 4.3 s late. Only a
self-test of the protection shows it before.
"""

from __future__ import annotations

from typing import ClassVar

from twin.bms.firmware.module_monitor import ModuleMonitor
from twin.bms.module_management import ModuleManagement
from twin.bms.options import Bms
from twin.bms.site import Site

DEBOUNCE_S = 5.0


class WrongLimit(ModuleMonitor):
    """A monitor that isolates late."""

    version: ClassVar[str] = "2.4.0-wrong-limit"

    @staticmethod
    def managed_by(options: Bms, site: Site) -> ModuleManagement:
        """Return what is done for a module, with a wrong table of limits."""
        right = options.limits
        wrong = {
            name: getattr(right, name).model_copy(update={"debounce_s": DEBOUNCE_S})
            for name in ("cell_overvoltage_V", "cell_undervoltage_V")
        }
        limits = right.model_copy(update=wrong)
        return ModuleManagement(options.model_copy(update={"limits": limits}), site, "module")
