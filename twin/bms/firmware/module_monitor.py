"""The module monitor of a hybrid BMS: measures its cells, estimates, protects, balances, and tells the bus.

Local and fast: it opens its own module's contactor on a fatal level without asking; when to close is the pack
controller's decision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import ECU_RESTARTED, Level
from twin.bms.diagnosis.diagnoses import Found
from twin.bms.firmware.firmware import (
    Findings,
    Firmware,
    FloatArray,
    Inputs,
    IntArray,
    Outputs,
    Reach,
    Scope,
    Service,
    Signals,
)
from twin.bms.firmware.module_frames import TELEMETRY, ModuleFrames
from twin.bms.lasting import NEVER, RESTART_SHOWN_NS
from twin.bms.module_management import BELIEFS, Managed, ModuleManagement, Orders, Readings, beliefs
from twin.bms.options import Bms
from twin.bms.site import Site
from twin.plant.dc_bus import CLOSED, OPEN

COMMAND_TIMEOUT_PERIODS = 5
"""Without a command of the pack controller for so many periods, a monitor no longer balances."""

JUST_NOW = -2
"""Instead of when: it is about to run for the first time after a restart."""

_INFO, _FATAL = int(Level.INFO), int(Level.FATAL)  # an attribute of an enum costs a microsecond in Python 3.11


@dataclass(frozen=True)
class MonitorState:
    """What the monitors remember, ``[row]``."""

    managed: Managed
    contactor: NDArray[np.int8]
    switched_ns: IntArray
    restarted_ns: IntArray
    """When it first ran again after a restart; -1: it has not restarted, or that was long ago."""
    counter: IntArray


class ModuleMonitor(Firmware[MonitorState]):
    """Version 1.0.0 of the monitor of a module."""

    role: ClassVar[str] = "module_monitor"
    scope: ClassVar[Scope] = "module"
    version: ClassVar[str] = "1.0.0"
    reads: ClassVar[tuple[str, ...]] = ("Pack_Command",)
    sends: ClassVar[tuple[str, ...]] = TELEMETRY

    def __init__(self, options: Bms, site: Site) -> None:
        self._management = management = self.managed_by(options, site)
        self._series = site.series
        self._command_timeout_ns = COMMAND_TIMEOUT_PERIODS * round(options.period_s * 1e9)
        self.codes = (*management.codes, ECU_RESTARTED)
        self.commands = {"module_state": Reach(), **management.reach()}
        self.believes = dict.fromkeys(BELIEFS, Reach())
        self._frames = ModuleFrames(management.module.cells, management.codes)

    @staticmethod
    def managed_by(options: Bms, site: Site) -> ModuleManagement:
        """Return what this version does for a module."""
        return ModuleManagement(options, site, "module")

    def initial(self, rows: int, memory: Signals) -> MonitorState:
        """Return open contactors and the remembered ``memory["soc"]``."""
        return MonitorState(
            self._management.initial(rows, memory),
            np.full(rows, OPEN, np.int8),
            np.zeros(rows, np.int64),
            np.full(rows, JUST_NOW if "restarts" in memory else NEVER),
            np.zeros(rows, np.int64),
        )

    def step(self, state: MonitorState, inputs: Inputs) -> tuple[MonitorState, Outputs]:
        """Measure, estimate, protect, balance, report."""
        readings = readings_of(inputs)
        closed, allowed, lowest_V = self._commanded(state, inputs)
        orders = Orders(allowed, lowest_V, state.contactor, state.switched_ns)
        managed, found = self._management.step(state.managed, readings, orders, inputs.time_ns)
        closed &= found.severity < _FATAL
        contactor = np.where(closed, CLOSED, OPEN).astype(np.int8)
        switched_ns = np.where(contactor != state.contactor, inputs.time_ns, state.switched_ns)
        restarted_ns = np.where(state.restarted_ns == JUST_NOW, inputs.time_ns, state.restarted_ns)
        restarted_ns[inputs.time_ns - restarted_ns >= RESTART_SHOWN_NS] = NEVER
        after = MonitorState(managed, contactor, switched_ns, restarted_ns, (state.counter + 1) % 16)
        return after, Outputs(
            self._frames.telemetry(managed, found, readings, closed, after.counter),
            {"module_state": contactor.astype(np.float64), **self._management.commands(managed)},
            self._findings(found, restarted_ns, inputs),
            beliefs(managed, found.severity),
        )

    def service(self, state: MonitorState, what: Service, value: float) -> MonitorState:
        """Clear latched findings, or count with another capacity."""
        return replace(state, managed=self._management.service(state.managed, what, value))

    def pending(self, state: MonitorState) -> NDArray[np.bool_]:
        """Return which monitors debounce something."""
        return self._management.pending(state.managed)

    def memory(self, state: MonitorState) -> Signals:
        """Return the estimated state of charge."""
        return self._management.memory(state.managed)

    @staticmethod
    def _findings(found: Found, restarted_ns: IntArray, inputs: Inputs) -> Findings:
        """Return what is found of the module, and behind it whether its monitor has restarted."""
        rows = len(restarted_ns)
        level = ((restarted_ns != NEVER) * _INFO).astype(np.int8)
        nothing = np.full((rows, 1), np.nan)
        return Findings(
            np.concatenate([found.level, level[:, None]], axis=1),
            inputs.slot[:, None],
            np.concatenate([found.cell, np.full((rows, 1), -1)], axis=1),
            np.concatenate([found.value, nothing], axis=1),
            np.concatenate([found.since_ns, restarted_ns[:, None]], axis=1),
        )

    def _commanded(
        self, state: MonitorState, inputs: Inputs
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], FloatArray]:
        """Return whether to be closed (the last word counts), whether to balance, and to which voltage if said."""
        command = inputs.received["Pack_Command"]
        heard = command.time_ns >= 0
        requested = (command["CloseRequest"].astype(np.int64) >> inputs.slot) & 1 == 1
        fresh = heard & (inputs.time_ns - command.time_ns < self._command_timeout_ns)
        lowest_V = np.where(fresh & self._series, command["LowestCellVoltage"], np.nan)
        return (
            np.where(heard, requested, state.contactor == CLOSED),
            fresh & (command["BalancingAllowed"] > 0),
            lowest_V,
        )


def readings_of(inputs: Inputs) -> Readings:
    """Return what an ECU's sensors say of the module that it sits on."""
    sensed = inputs.sensed
    return Readings(
        sensed["cell_voltage_V"],
        sensed["temperature_K"],
        sensed["current_A"],
        sensed["module_V"],
        sensed["link_V"],
        sensed["sampled_ns"].astype(np.int64),
    )
