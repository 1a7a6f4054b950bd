"""The module monitor: measures its cells, counts charge, protects, balances, and tells the bus.

Local and fast: it opens its own module's contactor on a fatal level without asking; when to close is the pack
controller's decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from twin.bms.balancing.passive_voltage import bleed_duty
from twin.bms.codes import PROTECTION_CODES, FaultCode, Level
from twin.bms.estimators.coulomb_counting import CoulombCounting, OcvCurve
from twin.bms.firmware.firmware import Contents, Findings, Firmware, FloatArray, Inputs, IntArray, Outputs, Signals
from twin.bms.options import Bms
from twin.bms.protection import Protection, Thresholds

COMMAND_TIMEOUT_PERIODS = 5
"""Without a command of the pack controller for so many periods, a monitor no longer balances."""

_PER_VOLTAGE_FRAME = 4
_PER_TEMPERATURE_FRAME = 8
_KELVIN = 273.15


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
        self.commands = {"module_closed": (), "bleed": (cells,)}
        self._command_timeout_ns = COMMAND_TIMEOUT_PERIODS * round(options.period_s * 1e9)
        self._balancing = options.balancing
        self._thresholds = Thresholds.of(options.limits)
        self._capacity_Ah = capacity_Ah
        self._cells = cells
        self._ocv = ocv

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
        fatal = level.max(axis=1) == Level.FATAL
        closed, allowed = self._commanded(state.closed, inputs)
        closed &= ~fatal
        duty = bleed_duty(voltage_V, temperature_K, state.bleeding, voltage_V.min(axis=1), allowed, self._balancing)
        after = MonitorState(protection, charge, duty > 0.0, closed, (state.counter + 1) % 16)
        frames = self._frames(after, level, voltage_V, temperature_K, current_A)
        return after, Outputs(
            frames,
            {"module_closed": closed.astype(np.float64), "bleed": duty},
            Findings(level, np.broadcast_to(inputs.slot[:, None], level.shape), cell, values),
            {"module_soc": charge.soc, "level": level.max(axis=1).astype(np.float64)},
        )

    def _commanded(self, closed: NDArray[np.bool_], inputs: Inputs) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return whether the contactor should be closed (the last word counts), and whether balancing is allowed."""
        command = inputs.received["Pack_Command"]
        heard = command.time_ns >= 0
        requested = (command["CloseRequest"].astype(np.int64) >> inputs.slot) & 1 == 1
        fresh = heard & (inputs.time_ns - command.time_ns < self._command_timeout_ns)
        return np.where(heard, requested, closed), fresh & (command["BalancingAllowed"] > 0)

    def _frames(
        self,
        state: MonitorState,
        level: NDArray[np.int8],
        voltage_V: FloatArray,
        temperature_K: FloatArray,
        current_A: FloatArray,
    ) -> dict[str, Contents]:
        worst = level.argmax(axis=1)
        severity = level.max(axis=1)
        numbers = np.array([code.number for code in self.codes])
        frames: dict[str, Contents] = {
            "Module_State": {
                "SOC": state.charge.soc * 100.0,
                "Current": current_A,
                "Voltage": voltage_V.sum(axis=1),
                "Level": severity.astype(np.float64),
                "FaultCode": np.where(severity > 0, numbers[worst], 0).astype(np.float64),
                "ContactorClosed": state.closed.astype(np.float64),
                "Balancing": state.bleeding.max(axis=1).astype(np.float64),
                "Counter": state.counter.astype(np.float64),
            }
        }
        frames |= _split("Module_CellVoltages", "CellVoltage", voltage_V, _PER_VOLTAGE_FRAME)
        frames |= _split("Module_Temperatures", "CellTemperature", temperature_K - _KELVIN, _PER_TEMPERATURE_FRAME)
        return frames


def extremes(voltage_V: FloatArray, temperature_K: FloatArray, current_A: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return what protection looks at, ``[row, quantity]``, and the cell that it comes from (-1: the module)."""
    rows = np.arange(len(voltage_V))
    cell = np.stack(
        [
            voltage_V.argmax(axis=1),
            voltage_V.argmin(axis=1),
            temperature_K.argmax(axis=1),
            temperature_K.argmin(axis=1),
            np.full(len(rows), -1),
        ],
        axis=1,
    )
    values = np.stack(
        [
            voltage_V[rows, cell[:, 0]],
            voltage_V[rows, cell[:, 1]],
            temperature_K[rows, cell[:, 2]],
            temperature_K[rows, cell[:, 3]],
            np.abs(current_A),
        ],
        axis=1,
    )
    return values, cell


def _split(message: str, signal: str, values: FloatArray, per_frame: int) -> dict[str, Contents]:
    """Return ``values[row, cell]`` dealt out to numbered frames of ``per_frame`` numbered signals."""
    return {
        f"{message}{first // per_frame + 1}": {
            f"{signal}{cell + 1:02d}": values[:, cell] for cell in range(first, first + per_frame)
        }
        for first in range(0, values.shape[1], per_frame)
    }
