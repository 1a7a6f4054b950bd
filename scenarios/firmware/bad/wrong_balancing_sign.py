"""A module monitor that takes the lowest cells for the highest when it balances.

What an operator would see: no finding and no fault. Wherever cells are balanced, the lowest ones are bled, and drift
apart from the others by the day, until the module is full or empty too soon.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from twin.bms.balancing.strategy import FloatArray, Seen
from twin.bms.estimators.estimator import Condition
from twin.bms.firmware.module_monitor import ModuleMonitor
from twin.bms.measured import Measured
from twin.bms.module_management import ModuleManagement, Orders
from twin.bms.options import Bms
from twin.bms.site import Site


class Backwards(ModuleManagement):
    """Shows balancing each cell as far above the lowest as it is below the highest."""

    def seen(self, measured: Measured, cell_soc: FloatArray, condition: Condition, orders: Orders) -> Seen:
        """Return what balancing goes by, upside down."""
        right = super().seen(measured, cell_soc, condition, orders)
        return replace(right, voltage_V=_upside_down(right.voltage_V), cell_soc=_upside_down(right.cell_soc))


def _upside_down(values: FloatArray) -> FloatArray:
    turned: FloatArray = values.max(axis=1, keepdims=True) + values.min(axis=1, keepdims=True) - values
    return turned


class WrongBalancingSign(ModuleMonitor):
    """A monitor that bleeds the wrong cells."""

    version: ClassVar[str] = "2.4.0-wrong-balancing-sign"

    @staticmethod
    def managed_by(options: Bms, site: Site) -> ModuleManagement:
        """Return what is done for a module, balancing backwards."""
        return Backwards(options, site, "module")
