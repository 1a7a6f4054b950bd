"""The pack controller: hears its modules and the other packs, decides contactors and limits, speaks to the inverter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal

import numpy as np

from twin.bms import limits
from twin.bms.codes import MODULE_SILENT, PRECHARGE_FAILED, Level
from twin.bms.contactors import Sequence
from twin.bms.firmware import inverter_protocol
from twin.bms.firmware.firmware import Contents, Findings, Firmware, FloatArray, Inputs, IntArray, Outputs, Signals
from twin.bms.firmware.inverter_protocol import Battery
from twin.bms.firmware.pack_view import KELVIN, TEMPERATURE_FRAMES, TIMEOUT_PERIODS, VOLTAGE_FRAMES, Packs, PackView
from twin.bms.options import Bms
from twin.plant.action import Actuator
from twin.plant.dc_bus import CLOSED

_WARNING, _FATAL = int(Level.WARNING), int(Level.FATAL)
_WHOLE_MODULE = np.full((1, 1), -1)


@dataclass(frozen=True)
class ControllerState:
    """What the controllers remember, ``[row]``."""

    sequence: Sequence
    limit_A: FloatArray
    """``[row, direction]``: charging, discharging."""
    counter: IntArray


class PackController(Firmware[ControllerState]):
    """Version 1.0.0 of the controller of modules in parallel; the first pack's speaks to the inverter for all."""

    role: ClassVar[str] = "pack_controller"
    scope: ClassVar[Literal["module", "pack", "site"]] = "pack"
    version: ClassVar[str] = "1.0.0"
    reads: ClassVar[tuple[str, ...]] = (
        "Module_State",
        *VOLTAGE_FRAMES,
        *TEMPERATURE_FRAMES,
        "Pack_State",
        "Pack_Limits",
    )
    sends: ClassVar[tuple[str, ...]] = ("Pack_Command", "Pack_State", "Pack_Limits", *inverter_protocol.MESSAGES)
    commands: Mapping[Actuator, tuple[int, ...]] = MappingProxyType({"pack_state": ()})
    believes: ClassVar[tuple[str, ...]] = ("pack_soc",)

    def __init__(self, options: Bms, modules: int) -> None:
        self.codes = (PRECHARGE_FAILED, *[MODULE_SILENT] * modules)
        self._timeout_ns = round(TIMEOUT_PERIODS * options.period_s * 1e9)
        self._numbers = np.array([float(code.number) for code in self.codes])
        self._limit_A = np.array([options.charge_limit_A, options.discharge_limit_A])
        self._rise = limits.rise(options.period_s)
        self._options = options
        self._modules = modules

    def initial(self, rows: int, memory: Signals) -> ControllerState:  # noqa: ARG002 - it remembers nothing over power-off
        """Return open contactors and no limits yet."""
        return ControllerState(Sequence.initial(rows), np.zeros((rows, 2)), np.zeros(rows, np.int64))

    def step(self, state: ControllerState, inputs: Inputs) -> tuple[ControllerState, Outputs]:
        """Look at the modules, decide, tell modules, other packs and inverter."""
        view = PackView.of(inputs, self._timeout_ns)
        pack_V = view.mean(view.voltage_V)
        link_V = inputs.sensed["link_voltage_V"]
        sequence = state.sequence.step(inputs.time_ns, view.heard, view.closed, link_V, pack_V)
        limit_A = limits.smooth(state.limit_A, self._allowed_A(view, sequence), self._rise)
        after = ControllerState(sequence, limit_A, (state.counter + 1) % 16)
        findings = self._findings(sequence, view, inputs, link_V)
        own = self._own(after, view, findings)
        frames = {
            "Pack_Command": self._command(after, view, inputs),
            **self._told(own, pack_V),
            **inverter_protocol.frames(self._battery(own, inputs, view, findings, pack_V)),
        }
        soc = np.where(view.live > 0, own.soc[:, 0], np.nan)
        return after, Outputs(frames, {"pack_state": sequence.state.astype(np.float64)}, findings, {"pack_soc": soc})

    def _allowed_A(self, view: PackView, sequence: Sequence) -> FloatArray:
        """Return what the pack may take and give now, ``[row, direction]``."""
        options = self._options
        share = np.empty((*view.closed.shape, 2))
        share[..., 0] = limits.charge_share(view.highest_V, view.hottest_K, view.coldest_K, options.limits)
        share[..., 1] = limits.discharge_share(view.lowest_V, view.hottest_K, options.limits)
        ready = sequence.state == CLOSED
        return limits.pack_limit_A(share, view.closed, self._limit_A) * ready[:, None]

    def _findings(self, sequence: Sequence, view: PackView, inputs: Inputs, link_V: FloatArray) -> Findings:
        silent = ~view.heard & (inputs.time_ns >= self._timeout_ns)[:, None]
        state_ns = inputs.received["Module_State"].time_ns
        level = np.empty((len(silent), len(self.codes)), np.int8)
        level[:, 0] = sequence.failed * _FATAL
        level[:, 1:] = silent * _WARNING
        slot, value = np.full(level.shape, -1), np.empty(level.shape)
        slot[:, 1:] = inputs.slot[:, None] + np.arange(self._modules)
        value[:, 0] = link_V
        value[:, 1:] = (inputs.time_ns[:, None] - np.maximum(state_ns, 0)) * 1e-9 * silent
        return Findings(level, slot, _WHOLE_MODULE, value)

    def _own(self, state: ControllerState, view: PackView, findings: Findings) -> Packs:
        """Return this pack as the site's others and the inverter see it."""
        worst, level = view.level.argmax(axis=1), view.level.max(axis=1)
        code = view.code[np.arange(len(worst)), worst] * (level > 0)
        found = findings.level.max(axis=1)
        columns = (
            view.live * (state.sequence.state == CLOSED),
            view.mean(view.soc),
            view.current_A.sum(axis=1),
            np.where(view.heard, view.hottest_K - KELVIN, -np.inf).max(axis=1),
            np.maximum(level, found),
            np.where(found > level, self._numbers[findings.level.argmax(axis=1)], code),
        )
        return Packs(state.limit_A[:, None], *(column[:, None] for column in columns))

    def _command(self, state: ControllerState, view: PackView, inputs: Inputs) -> Contents:
        contactor = state.sequence.state
        bits = ((1 << self._modules) - 1) << inputs.slot
        return {
            "CloseRequest": bits * (state.sequence.started & ~state.sequence.failed),
            "BalancingAllowed": contactor == CLOSED,
            "LowestCellVoltage": np.where(view.heard, view.lowest_V, np.inf).min(axis=1),
            "PackState": contactor,
            "Counter": state.counter,
        }

    @staticmethod
    def _told(own: Packs, pack_V: FloatArray) -> dict[str, Contents]:
        state: Contents = {
            "SOC": own.soc[:, 0] * 100.0,
            "Current": own.current_A[:, 0],
            "Voltage": pack_V,
            "Level": own.level[:, 0],
            "FaultCode": own.code[:, 0],
        }
        limits_: Contents = {
            "ChargeCurrentLimit": own.limit_A[:, 0, 0],
            "DischargeCurrentLimit": own.limit_A[:, 0, 1],
            "Modules": own.modules[:, 0],
            "Temperature": own.hottest_C[:, 0],
        }
        return {"Pack_State": state, "Pack_Limits": limits_}

    def _battery(self, own: Packs, inputs: Inputs, view: PackView, findings: Findings, pack_V: FloatArray) -> Battery:
        """Return what the inverter is told: all packs of the site together."""
        site = own.joined(inputs, inputs.slot // self._modules, self._timeout_ns)
        charge_A, discharge_A = site.together_A().T
        alarm = self._options.limits
        return Battery(
            charge_A=charge_A,
            discharge_A=discharge_A,
            charge_V=view.cells * alarm.cell_overvoltage_V.info,
            discharge_V=view.cells * alarm.cell_undervoltage_V.info,
            soc=site.mean_soc(),
            voltage_V=pack_V,
            current_A=site.current_A.sum(axis=1),
            hottest_C=site.hottest_C.max(axis=1),
            charging=np.concatenate([view.current_A, site.current_A], axis=1) < 0.0,
            level=np.concatenate([view.level, site.level], axis=1),
            code=np.concatenate([view.code, site.code], axis=1),
            modules=site.delivering,
            silent=findings.level[:, 1:].max(axis=1) > 0,
            failed=findings.level[:, 0] > 0,
        )
