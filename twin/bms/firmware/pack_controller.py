"""The pack controller of a hybrid BMS: hears its modules and the other packs, decides, speaks to the inverter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from twin.bms import codes
from twin.bms.codes import Level
from twin.bms.firmware import pack_decisions
from twin.bms.firmware.firmware import (
    Contents,
    Findings,
    Firmware,
    Inputs,
    IntArray,
    Outputs,
    Reach,
    Scope,
    Service,
    Signals,
)
from twin.bms.firmware.module_frames import TELEMETRY
from twin.bms.firmware.pack_decisions import Decided, PackDecisions
from twin.bms.firmware.pack_view import PackView
from twin.bms.options import Bms
from twin.bms.site import Site
from twin.plant.action import Actuator
from twin.plant.dc_bus import CLOSED

_WARNING, _FATAL = int(Level.WARNING), int(Level.FATAL)


@dataclass(frozen=True)
class ControllerState:
    """What the controllers remember, ``[row]`` or ``[row, module]``."""

    decided: Decided
    answer: IntArray
    """The level of the pack's own finding of each module: a warning that it is isolated, fatal where the pack is."""
    heard_ns: IntArray
    """When what it answers was received; -1: nothing is wrong with the module."""


class PackController(Firmware[ControllerState]):
    """Version 1.0.0 of the controller of a pack; the first pack's speaks to the inverter for all."""

    role: ClassVar[str] = "pack_controller"
    scope: ClassVar[Scope] = "pack"
    version: ClassVar[str] = "1.0.0"
    reads: ClassVar[tuple[str, ...]] = (*TELEMETRY, *pack_decisions.READS)
    sends: ClassVar[tuple[str, ...]] = ("Pack_Command", *pack_decisions.MESSAGES)
    commands: Mapping[Actuator, Reach] = MappingProxyType({"pack_state": Reach()})
    believes: Mapping[str, Reach] = MappingProxyType({"pack_soc": Reach()})

    def __init__(self, options: Bms, site: Site) -> None:
        self._modules = site.modules
        self._decisions = PackDecisions(options, site, isolates=site.breaks)
        silent, fatal = [codes.MODULE_SILENT] * site.modules, [codes.MODULE_FATAL] * site.modules
        self.codes = (*pack_decisions.OWN, *silent, *fatal)

    def initial(self, rows: int, memory: Signals) -> ControllerState:
        """Return open contactors and no limits yet."""
        nothing = np.zeros((rows, self._modules), np.int64)
        decided = self._decisions.initial(rows, restarted="restarts" in memory)
        return ControllerState(decided, nothing, nothing - 1)

    def step(self, state: ControllerState, inputs: Inputs) -> tuple[ControllerState, Outputs]:
        """Look at the modules, decide, tell modules, other packs and inverter."""
        view = PackView.of(inputs, self._decisions.timeout_ns)
        decided, own = self._decisions.step(state.decided, view, inputs)
        answer = np.where(self._decisions.forbids(view), _FATAL, (view.level >= _FATAL) * _WARNING)
        heard_ns = np.where(answer == state.answer, state.heard_ns, np.where(answer > 0, view.since_ns, -1))
        after = ControllerState(decided, answer, heard_ns)
        findings = self._with_modules(own, after, view, inputs)
        frames = {
            "Pack_Command": self._command(decided, view, inputs),
            **self._decisions.frames(decided, view, inputs, findings),
        }
        soc = np.where(view.live > 0, view.mean(view.soc), np.nan)
        wanted = decided.sequence.state.astype(np.float64)
        return after, Outputs(frames, {"pack_state": wanted}, findings, {"pack_soc": soc})

    def service(self, state: ControllerState, what: Service, value: float) -> ControllerState:
        """Do to the decisions what a service tool does."""
        return replace(state, decided=self._decisions.service(state.decided, what, value))

    def pending(self, state: ControllerState) -> NDArray[np.bool_]:
        """Return which controllers debounce something."""
        return self._decisions.pending(state.decided)

    def memory(self, state: ControllerState) -> Signals:  # noqa: ARG002 - limits come back by themselves
        """Return nothing: what a controller decides, it decides anew."""
        return {}

    def _with_modules(self, own: Findings, state: ControllerState, view: PackView, inputs: Inputs) -> Findings:
        """Return what is found of the pack, and behind it of each module that it is silent, or isolated."""
        rows, modules = view.heard.shape
        silent = ~view.heard & (inputs.time_ns >= self._decisions.timeout_ns)[:, None]
        heard_ns = np.maximum(view.since_ns, 0)
        slot = inputs.slot[:, None] + np.arange(modules)
        nan = np.full((rows, modules), np.nan)
        return Findings(
            np.concatenate([own.level, silent * _WARNING, state.answer], axis=1).astype(np.int8),
            np.concatenate([own.slot, slot, slot], axis=1),
            own.cell,
            np.concatenate([own.value, (inputs.time_ns[:, None] - heard_ns) * 1e-9, nan], axis=1),
            np.concatenate([own.since_ns, np.where(silent, view.since_ns, -1), state.heard_ns], axis=1),
        )

    def _command(self, decided: Decided, view: PackView, inputs: Inputs) -> Contents:
        contactor = decided.sequence.state
        bits = ((1 << self._modules) - 1) << inputs.slot
        wanted = decided.sequence.started & ~decided.sequence.failed
        return {
            "CloseRequest": bits * wanted,
            "BalancingAllowed": (contactor == CLOSED) & ~decided.insulation.pause,
            "LowestCellVoltage": np.where(view.heard, view.lowest_V, np.inf).min(axis=1),
            "PackState": contactor,
            "Counter": decided.counter,
        }
