"""What a module's ECU tells the bus of its cells and of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import CONTACTOR_WELDED, FaultCode, Level
from twin.bms.diagnosis.diagnoses import Found
from twin.bms.firmware.firmware import Contents, FloatArray, IntArray
from twin.bms.module_management import Managed, Readings

KELVIN = 273.15
VOLTAGE_FRAMES = tuple(f"Module_CellVoltages{frame}" for frame in range(1, 5))
TEMPERATURE_FRAMES = tuple(f"Module_Temperatures{frame}" for frame in range(1, 3))
_FATAL = int(Level.FATAL)
TELEMETRY = ("Module_State", *VOLTAGE_FRAMES, *TEMPERATURE_FRAMES, "Module_Health")


class ModuleFrames:
    """The frames of a module with ``cells`` cells, whose diagnoses have ``codes``."""

    def __init__(self, cells: int, codes: Sequence[FaultCode]) -> None:
        self._numbers = np.array([code.number for code in codes])
        self._welded = list(codes).index(CONTACTOR_WELDED)
        self._voltages = _deals("Module_CellVoltages", "CellVoltage", cells, 4)
        self._temperatures = _deals("Module_Temperatures", "CellTemperature", cells, 8)

    def telemetry(
        self, managed: Managed, found: Found, readings: Readings, closed: NDArray[np.bool_], counter: IntArray
    ) -> dict[str, Contents]:
        """Return all frames, ``[row]`` each."""
        severity = found.severity
        state: Contents = {
            "SOC": managed.estimate.soc * 100.0,
            "Current": readings.current_A,
            "Voltage": readings.voltage_V.sum(axis=1),
            "Level": severity,
            "FaultCode": np.where(severity > 0, self._numbers[self._to_tell(found)], 0),
            "ContactorClosed": closed,
            "Balancing": managed.bleeding,
            "Counter": counter,
        }
        health: Contents = {
            "SOH": managed.health.soh * 100.0,
            "Resistance": managed.health.condition.resistance_factor * 100.0,
        }
        return {
            "Module_State": state,
            **_dealt(self._voltages, readings.voltage_V),
            **_dealt(self._temperatures, readings.temperature_K - KELVIN),
            "Module_Health": health,
        }

    def _to_tell(self, found: Found) -> IntArray:
        """Return which finding the bus is told of: the worst, or that the module cannot end it, so that others do."""
        return np.where(found.level[:, self._welded] >= _FATAL, self._welded, found.worst)


class _Deal(NamedTuple):
    """One numbered frame, and the cells whose numbered signals it has."""

    frame: str
    signals: tuple[str, ...]
    cells: slice


def _deals(message: str, signal: str, cells: int, per_frame: int) -> list[_Deal]:
    names = [f"{signal}{cell + 1:02d}" for cell in range(cells)]
    parts = [slice(first, first + per_frame) for first in range(0, cells, per_frame)]
    return [_Deal(f"{message}{number}", tuple(names[part]), part) for number, part in enumerate(parts, 1)]


def _dealt(deals: Sequence[_Deal], values: FloatArray) -> dict[str, Contents]:
    """Return ``values[row, cell]`` dealt out to frames."""
    of_cell = values.T
    return {deal.frame: {deal.signals: of_cell[deal.cells]} for deal in deals}
