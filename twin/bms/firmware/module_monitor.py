"""The module monitor: measures its cells, counts charge, protects, balances, and tells the bus.

Local and fast: it opens its own module's contactor on a fatal level without asking; when to close is the pack
controller's decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.bms.balancing.passive_voltage import bleed_duty
from twin.bms.codes import PROTECTION_CODES, FaultCode, Level
from twin.bms.estimators.coulomb_counting import CoulombCounting
from twin.bms.firmware.firmware import Contents, Findings, Firmware, FloatArray, Inputs, IntArray, Outputs, Signals
from twin.bms.ocv import OcvCurve
from twin.bms.options import Bms
from twin.bms.protection import SIGNS, Protection, Thresholds

COMMAND_TIMEOUT_PERIODS = 5
"""Without a command of the pack controller for so many periods, a monitor no longer balances."""

_KELVIN = 273.15
_FATAL = int(Level.FATAL)  # an attribute of an enum costs a microsecond in Python 3.11


@dataclass(frozen=True)
class MonitorState:
    """What the monitors remember, ``[row]`` or ``[row, cell]``."""

    protection: Protection
    charge: CoulombCounting
    bleeding: NDArray[np.bool_]
    closed: NDArray[np.bool_]
    counter: IntArray


class ModuleMonitor(Firmware[MonitorState]):
    """Version 1.0.0 of the monitor of 16 cells."""

    role: ClassVar[str] = "module_monitor"
    scope: ClassVar[Literal["module", "pack", "site"]] = "module"
    version: ClassVar[str] = "1.0.0"
    reads: ClassVar[tuple[str, ...]] = ("Pack_Command",)
    sends: ClassVar[tuple[str, ...]] = (
        "Module_State",
        *(f"Module_CellVoltages{frame}" for frame in range(1, 5)),
        *(f"Module_Temperatures{frame}" for frame in range(1, 3)),
    )
    believes: ClassVar[tuple[str, ...]] = ("module_soc", "level")
    codes: tuple[FaultCode, ...] = PROTECTION_CODES

    def __init__(self, options: Bms, capacity_Ah: float, cells: int, ocv: OcvCurve) -> None:
        self.commands = {"module_state": (), "bleed": (cells,)}
        self._command_timeout_ns = COMMAND_TIMEOUT_PERIODS * round(options.period_s * 1e9)
        self._balancing = options.balancing
        self._thresholds = Thresholds.of(options.limits)
        self._capacity_Ah = capacity_Ah
        self._cells = cells
        self._ocv = ocv
        self._code_numbers = np.array([code.number for code in self.codes])
        self._voltages = _deals("Module_CellVoltages", "CellVoltage", cells, 4)
        self._temperatures = _deals("Module_Temperatures", "CellTemperature", cells, 8)

    def initial(self, rows: int, memory: Signals) -> MonitorState:
        """Return open contactors and the remembered ``memory["soc"]``."""
        return MonitorState(
            Protection.initial(rows),
            CoulombCounting.initial(memory["soc"]),
            np.zeros((rows, self._cells), np.bool_),
            np.zeros(rows, np.bool_),
            np.zeros(rows, np.int64),
        )

    def step(self, state: MonitorState, inputs: Inputs) -> tuple[MonitorState, Outputs]:
        """Measure, estimate, protect, balance, report."""
        voltage_V = inputs.sensed["cell_voltage_V"]
        temperature_K = inputs.sensed["temperature_K"]
        current_A = inputs.sensed["current_A"]
        charge = state.charge.step(current_A, voltage_V, inputs.time_ns, self._capacity_Ah, self._ocv)
        values, cell = extremes(voltage_V, temperature_K, current_A)
        protection = state.protection.step(values, inputs.time_ns, self._thresholds)
        level = protection.level
        severity = level.max(axis=1)
        closed, allowed = self._commanded(state.closed, inputs)
        closed &= severity < _FATAL
        _, lowest_V, hottest_K, *_ = values.T
        duty = bleed_duty(voltage_V, hottest_K, state.bleeding, lowest_V, allowed, self._balancing)
        after = MonitorState(protection, charge, duty > 0.0, closed, (state.counter + 1) % 16)
        return after, Outputs(
            {
                "Module_State": self._told(after, level, severity, voltage_V, current_A),
                **_dealt(self._voltages, voltage_V),
                **_dealt(self._temperatures, temperature_K - _KELVIN),
            },
            {"module_state": np.where(closed, 2.0, 0.0), "bleed": duty},
            Findings(level, inputs.slot[:, None], cell, values),
            {"module_soc": charge.soc, "level": severity.astype(np.float64)},
        )

    def _commanded(self, closed: NDArray[np.bool_], inputs: Inputs) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return whether the contactor should be closed (the last word counts), and whether balancing is allowed."""
        command = inputs.received["Pack_Command"]
        heard = command.time_ns >= 0
        requested = (command["CloseRequest"].astype(np.int64) >> inputs.slot) & 1 == 1
        fresh = heard & (inputs.time_ns - command.time_ns < self._command_timeout_ns)
        return np.where(heard, requested, closed), fresh & (command["BalancingAllowed"] > 0)

    def _told(
        self,
        state: MonitorState,
        level: NDArray[np.int8],
        severity: NDArray[np.int8],
        voltage_V: FloatArray,
        current_A: FloatArray,
    ) -> Contents:
        return {
            "SOC": state.charge.soc * 100.0,
            "Current": current_A,
            "Voltage": voltage_V.sum(axis=1),
            "Level": severity,
            "FaultCode": np.where(severity > 0, self._code_numbers[level.argmax(axis=1)], 0),
            "ContactorClosed": state.closed,
            "Balancing": state.bleeding.max(axis=1),
            "Counter": state.counter,
        }


def extremes(voltage_V: FloatArray, temperature_K: FloatArray, current_A: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return what protection looks at, ``[row, quantity]``, and the cell that it comes from (-1: the module)."""
    cell = np.full((len(voltage_V), len(SIGNS)), -1)
    values = np.empty(cell.shape)
    for first, measured in ((0, voltage_V), (2, temperature_K)):
        measured.argmax(axis=1, out=cell[:, first])
        measured.argmin(axis=1, out=cell[:, first + 1])
        measured.max(axis=1, out=values[:, first])
        measured.min(axis=1, out=values[:, first + 1])
    np.abs(current_A, out=values[:, 4])
    return values, cell


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
