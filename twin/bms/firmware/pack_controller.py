"""The pack controller: hears its modules, decides contactors and limits, and speaks to the inverter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from twin.bms import limits
from twin.bms.codes import MODULE_SILENT, PRECHARGE_FAILED, FaultCode, Level
from twin.bms.contactors import MainContactor, Sequence
from twin.bms.firmware import inverter_protocol
from twin.bms.firmware.firmware import (
    Contents,
    Findings,
    Firmware,
    FloatArray,
    Inputs,
    IntArray,
    Outputs,
    Received,
    Signals,
)
from twin.bms.firmware.inverter_protocol import Battery
from twin.bms.options import Bms

MODULE_TIMEOUT_NS = 3_500_000_000
"""A module not heard for this long is silent: three periods of its state frame and a half."""

_KELVIN = 273.15
_VOLTAGE_FRAMES = tuple(f"Module_CellVoltages{frame}" for frame in range(1, 5))
_TEMPERATURE_FRAMES = tuple(f"Module_Temperatures{frame}" for frame in range(1, 3))


@dataclass(frozen=True)
class PackState:
    """What the controllers remember, ``[row]``."""

    sequence: Sequence
    charge_A: FloatArray
    discharge_A: FloatArray
    counter: IntArray


@dataclass(frozen=True)
class PackView:
    """What the bus has told of the modules, ``[row, module]``."""

    heard: NDArray[np.bool_]
    closed: NDArray[np.bool_]
    level: FloatArray
    code: FloatArray
    soc: FloatArray
    current_A: FloatArray
    voltage_V: FloatArray
    highest_V: FloatArray
    lowest_V: FloatArray
    hottest_K: FloatArray
    coldest_K: FloatArray
    cells: int
    """In a module."""

    @classmethod
    def of(cls, inputs: Inputs) -> PackView:
        """Read the modules' frames."""
        state = inputs.received["Module_State"]
        heard = (state.time_ns >= 0) & (inputs.time_ns[:, None] - state.time_ns < MODULE_TIMEOUT_NS)
        voltages_V = _stack([inputs.received[name] for name in _VOLTAGE_FRAMES])
        temperatures_K = _stack([inputs.received[name] for name in _TEMPERATURE_FRAMES]) + _KELVIN
        return cls(
            heard,
            heard & (state["ContactorClosed"] > 0),
            state["Level"],
            state["FaultCode"],
            state["SOC"] / 100.0,
            state["Current"],
            state["Voltage"],
            voltages_V.max(axis=0),
            voltages_V.min(axis=0),
            temperatures_K.max(axis=0),
            temperatures_K.min(axis=0),
            len(voltages_V),
        )


class PackController(Firmware[PackState]):
    """Version 1.0.0 of the controller of modules in parallel."""

    role: ClassVar[str] = "pack_controller"
    scope: ClassVar[Literal["module", "pack", "site"]] = "pack"
    version: ClassVar[str] = "1.0.0"
    reads: ClassVar[tuple[str, ...]] = ("Module_State", *_VOLTAGE_FRAMES, *_TEMPERATURE_FRAMES)
    sends: ClassVar[tuple[str, ...]] = ("Pack_Command", "Pack_State", *inverter_protocol.MESSAGES)
    codes: ClassVar[tuple[FaultCode, ...]] = (MODULE_SILENT, PRECHARGE_FAILED)

    def __init__(self, options: Bms, modules: int) -> None:
        self._options = options
        self._modules = modules

    def initial(self, rows: int, memory: Signals) -> PackState:  # noqa: ARG002 - it remembers nothing over power-off
        """Return open contactors and no limits yet."""
        return PackState(Sequence.initial(rows), np.zeros(rows), np.zeros(rows), np.zeros(rows, np.int64))

    def step(self, state: PackState, inputs: Inputs) -> tuple[PackState, Outputs]:
        """Look at the modules, decide, tell modules and inverter."""
        view = PackView.of(inputs)
        live = np.where(view.closed, 1.0, 0.0)
        count = np.maximum(live.sum(axis=1), 1.0)
        pack_V = (view.voltage_V * live).sum(axis=1) / count
        link_V = inputs.sensed["link_voltage_V"]
        sequence = state.sequence.step(inputs.time_ns, view.heard, view.closed, link_V, pack_V)
        charge_A, discharge_A = self._limits(state, view, sequence)
        after = PackState(sequence, charge_A, discharge_A, (state.counter + 1) % 16)
        soc = (view.soc * live).sum(axis=1) / count
        findings = self._findings(sequence, view, inputs, link_V)
        frames = self._frames(after, view, findings, inputs, pack_V, soc)
        return after, Outputs(
            frames,
            {"pack_state": sequence.state.astype(np.float64)},
            findings,
            {
                "pack_soc": np.where(view.closed.any(axis=1), soc, np.nan),
                "charge_limit_A": charge_A,
                "discharge_limit_A": discharge_A,
            },
        )

    def _limits(self, state: PackState, view: PackView, sequence: Sequence) -> tuple[FloatArray, FloatArray]:
        options = self._options
        ready = sequence.state == MainContactor.CLOSED
        charge = limits.charge_share(view.highest_V, view.hottest_K, view.coldest_K, options.limits)
        discharge = limits.discharge_share(view.lowest_V, view.hottest_K, options.limits)
        charge_A = limits.pack_limit_A(charge, view.closed, options.charge_limit_A) * ready
        discharge_A = limits.pack_limit_A(discharge, view.closed, options.discharge_limit_A) * ready
        return (
            limits.smooth(state.charge_A, charge_A, options),
            limits.smooth(state.discharge_A, discharge_A, options),
        )

    def _findings(self, sequence: Sequence, view: PackView, inputs: Inputs, link_V: FloatArray) -> Findings:
        silent = ~view.heard & (inputs.time_ns >= MODULE_TIMEOUT_NS)[:, None]
        state_ns = inputs.received["Module_State"].time_ns
        silence_s = ((inputs.time_ns[:, None] - np.maximum(state_ns, 0)) * 1e-9 * silent).max(axis=1)
        level = np.stack(
            [
                np.where(silent.any(axis=1), Level.WARNING, Level.OK),
                np.where(sequence.failed, Level.FATAL, Level.OK),
            ],
            axis=1,
        ).astype(np.int8)
        return Findings(level, np.full(level.shape, -1), np.stack([silence_s, link_V], axis=1))

    def _frames(
        self, state: PackState, view: PackView, findings: Findings, inputs: Inputs, pack_V: FloatArray, soc: FloatArray
    ) -> dict[str, Contents]:
        contactor = state.sequence.state
        current_A = (view.current_A * view.heard).sum(axis=1)
        worst = np.maximum(np.where(view.heard, view.level, 0.0).max(axis=1), findings.level.max(axis=1))
        bits = ((1 << self._modules) - 1) << inputs.slot
        start = view.heard.any(axis=1) & ~state.sequence.failed
        command: Contents = {
            "CloseRequest": np.where(start, bits, 0).astype(np.float64),
            "BalancingAllowed": (contactor == MainContactor.CLOSED).astype(np.float64),
            "LowestCellVoltage": np.where(view.heard, view.lowest_V, np.nan).min(axis=1),
            "PackState": contactor.astype(np.float64),
            "Counter": state.counter.astype(np.float64),
        }
        told: Contents = {
            "SOC": soc * 100.0,
            "Current": current_A,
            "Voltage": pack_V,
            "Level": worst,
            "FaultCode": np.where(state.sequence.failed, float(PRECHARGE_FAILED.number), 0.0),
        }
        battery = self._battery(state, view, findings, pack_V, soc)
        return {"Pack_Command": command, "Pack_State": told, **inverter_protocol.frames(battery)}

    def _battery(
        self, state: PackState, view: PackView, findings: Findings, pack_V: FloatArray, soc: FloatArray
    ) -> Battery:
        limits = self._options.limits
        return Battery(
            charge_A=state.charge_A,
            discharge_A=state.discharge_A,
            charge_V=view.cells * limits.cell_overvoltage_V.info,
            discharge_V=view.cells * limits.cell_undervoltage_V.info,
            soc=soc,
            voltage_V=pack_V,
            current_A=(view.current_A * view.heard).sum(axis=1),
            hottest_C=np.where(view.heard, view.hottest_K - _KELVIN, 0.0).max(axis=1),
            level=view.level * view.heard,
            code=view.code * view.heard,
            modules=view.closed.sum(axis=1).astype(np.float64),
            silent=findings.level[:, 0] > 0,
            failed=state.sequence.failed,
        )


def _stack(frames: list[Received]) -> FloatArray:
    """Return every signal of several frames as ``[signal, row, module]``."""
    return np.concatenate([frame.values for frame in frames])
