"""The controller of a centralized BMS: wired to all cells of its pack, which it reads one module after the other.

It knows one current, the pack's, and takes each module's for an equal share; it can open one contactor, the pack's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from twin.bms.codes import Level
from twin.bms.diagnosis.diagnoses import Found
from twin.bms.firmware import pack_decisions
from twin.bms.firmware.firmware import (
    Contents,
    Findings,
    Firmware,
    Inputs,
    Outputs,
    Reach,
    Scope,
    Service,
    Signals,
)
from twin.bms.firmware.module_frames import KELVIN
from twin.bms.firmware.pack_decisions import OWN, Decided, PackDecisions
from twin.bms.firmware.pack_view import PackView
from twin.bms.module_management import BELIEFS, Managed, ModuleManagement, Orders, Readings, beliefs
from twin.bms.options import Bms
from twin.bms.rows import folded, unfolded
from twin.bms.site import Site
from twin.plant.dc_bus import CLOSED

_FATAL = int(Level.FATAL)


@dataclass(frozen=True)
class CentralState:
    """What the controllers remember, ``[row]``, and of their modules, ``[row, module]``."""

    decided: Decided
    managed: Managed
    switched_ns: NDArray[np.int64]


class CentralController(Firmware[CentralState]):
    """Version 1.0.0 of the controller of a pack without monitors; the first pack's speaks to the inverter for all."""

    role: ClassVar[str] = "central_controller"
    scope: ClassVar[Scope] = "pack"
    version: ClassVar[str] = "1.0.0"
    reads: ClassVar[tuple[str, ...]] = pack_decisions.READS
    sends: ClassVar[tuple[str, ...]] = ("Pack_Extremes", *pack_decisions.MESSAGES)

    def __init__(self, options: Bms, site: Site) -> None:
        self._site, self._management = site, (management := ModuleManagement(options, site, "pack"))
        self._decisions = PackDecisions(options, site, isolates=True)
        self._numbers = np.array([code.number for code in management.codes])
        self.codes = (*OWN, *(management.codes * site.modules))
        self.commands = {"pack_state": Reach(), **management.reach(site.modules)}
        self.believes = {"pack_soc": Reach(), **dict.fromkeys(BELIEFS, Reach(site.modules))}

    def initial(self, rows: int, memory: Signals) -> CentralState:
        """Return open contactors and the remembered ``memory["soc"]``, ``[row, module]``."""
        modules = self._site.modules
        managed = self._management.initial(rows * modules, {name: value.ravel() for name, value in memory.items()})
        decided = self._decisions.initial(rows, restarted="restarts" in memory)
        return CentralState(decided, unfolded(managed, modules), np.zeros(rows, np.int64))

    def step(self, state: CentralState, inputs: Inputs) -> tuple[CentralState, Outputs]:
        """Measure, estimate and diagnose every module, decide for the pack, balance, tell packs and inverter."""
        modules = self._site.modules
        readings = self._readings(inputs)
        orders = self._orders(state, inputs)
        time_ns = inputs.time_ns.repeat(modules)
        managed, found = self._management.step(folded(state.managed), readings, orders, time_ns)
        view = self._view(readings, managed, found)
        decided, own = self._decisions.step(state.decided, view, inputs)
        findings = self._with_modules(own, found, inputs)
        switched = decided.sequence.state != state.decided.sequence.state
        after = CentralState(decided, unfolded(managed, modules), np.where(switched, inputs.time_ns, state.switched_ns))
        frames = {
            "Pack_Extremes": self._extremes(readings),
            **self._decisions.frames(decided, view, inputs, findings),
        }
        told = {name: self._by_module(value) for name, value in self._management.commands(managed).items()}
        believed = {name: self._by_module(value) for name, value in beliefs(managed, found.severity).items()}
        return after, Outputs(
            frames,
            {"pack_state": decided.sequence.state.astype(np.float64), **told},
            findings,
            {"pack_soc": view.mean(view.soc), **believed},
        )

    def service(self, state: CentralState, what: Service, value: float) -> CentralState:
        """Do to decisions and modules what a service tool does."""
        managed = self._management.service(folded(state.managed), what, value)
        decided = self._decisions.service(state.decided, what, value)
        return replace(state, decided=decided, managed=unfolded(managed, self._site.modules))

    def pending(self, state: CentralState) -> NDArray[np.bool_]:
        """Return which controllers debounce something."""
        modules: NDArray[np.bool_] = self._management.pending(folded(state.managed)).reshape(-1, self._site.modules)
        return modules.any(axis=1) | self._decisions.pending(state.decided)

    def memory(self, state: CentralState) -> Signals:
        """Return the estimated states of charge, ``[row, module]``."""
        return self._management.memory(state.managed)

    def _by_module(self, values: NDArray[Any]) -> NDArray[Any]:
        return values.reshape(-1, self._site.modules, *values.shape[1:])

    def _readings(self, inputs: Inputs) -> Readings:
        """Return what was read of each module, ``[row * module]``; the current is an equal share of the pack's."""
        sensed, modules = inputs.sensed, self._site.modules
        voltage_V, temperature_K = (
            sensed[name].reshape(-1, self._site.module.cells) for name in ("cell_voltage_V", "temperature_K")
        )
        share = 1.0 if self._site.series else 1.0 / modules
        nothing = np.full(len(voltage_V), np.nan)
        return Readings(
            voltage_V,
            temperature_K,
            (sensed["pack_current_A"] * share).repeat(modules),
            nothing,
            nothing,
            sensed["sampled_ns"].astype(np.int64).ravel(),
        )

    def _orders(self, state: CentralState, inputs: Inputs) -> Orders:
        modules = self._site.modules
        contactor = state.decided.sequence.state
        allowed = (contactor == CLOSED) & ~state.decided.insulation.pause
        nothing = np.full(len(contactor) * modules, np.nan)
        lowest_V = inputs.sensed["cell_voltage_V"].min(axis=(1, 2)).repeat(modules) if self._site.series else nothing
        return Orders(
            allowed.repeat(modules),
            lowest_V,
            contactor.repeat(modules),
            state.switched_ns.repeat(modules),
        )

    def _view(self, readings: Readings, managed: Managed, found: Found) -> PackView:
        """Return the modules as decisions look at them; they have no contactors, so all are closed."""
        severity, by_module = found.severity, self._by_module
        known: NDArray[np.bool_] = by_module(managed.sampled_ns) >= 0
        return PackView(
            heard=known,
            closed=known,
            level=by_module(severity.astype(np.float64)),
            code=by_module(np.where(severity > 0, self._numbers[found.worst], 0).astype(np.float64)),
            soc=by_module(managed.estimate.soc),
            current_A=by_module(readings.current_A),
            voltage_V=by_module(readings.voltage_V.sum(axis=1)),
            highest_V=by_module(readings.voltage_V.max(axis=1)),
            lowest_V=by_module(readings.voltage_V.min(axis=1)),
            hottest_K=by_module(readings.temperature_K.max(axis=1)),
            coldest_K=by_module(readings.temperature_K.min(axis=1)),
            balancing=by_module(managed.bleeding),
            since_ns=by_module(managed.sampled_ns),
            soh=by_module(managed.health.soh),
            resistance_factor=by_module(managed.health.condition.resistance_factor),
        )

    def _with_modules(self, own: Findings, found: Found, inputs: Inputs) -> Findings:
        """Return what is found of the pack, and behind it of each module."""
        rows, modules = len(inputs.time_ns), self._site.modules
        slot = (inputs.slot[:, None] + np.arange(modules)).repeat(len(self._management.codes), axis=1)
        pairs = (
            (own.level, found.level),
            (np.broadcast_to(own.cell, own.level.shape), found.cell),
            (own.value, found.value),
            (own.since_ns, found.since_ns),
        )
        level, cell, value, since_ns = (
            np.concatenate([whole, each.reshape(rows, -1)], axis=1) for whole, each in pairs
        )
        return Findings(level, np.concatenate([own.slot, slot], axis=1), cell, value, since_ns)

    def _extremes(self, readings: Readings) -> Contents:
        """Return the pack's highest and lowest cell, by their numbers in it."""
        rows = -1, self._site.modules * self._site.module.cells
        voltage_V, temperature_K = readings.voltage_V.reshape(rows), readings.temperature_K.reshape(rows)
        return {
            "HighestCellVoltage": voltage_V.max(axis=1),
            "LowestCellVoltage": voltage_V.min(axis=1),
            "HighestCell": voltage_V.argmax(axis=1),
            "LowestCell": voltage_V.argmin(axis=1),
            "HighestTemperature": temperature_K.max(axis=1) - KELVIN,
            "LowestTemperature": temperature_K.min(axis=1) - KELVIN,
        }
