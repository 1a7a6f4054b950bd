"""The module's ECU in a distributed BMS: measures, balances and protects its module, and decides on its own contactor.

Nobody is above it. What concerns all, peers settle by what they hear of each other:
- Who is first (the lowest number among those that are heard and well) charges the DC link before the others close, and
  watches the insulation, for which the others pause balancing, and who falls silent.
- Each tells what its own module can take and give; the inverter keeps to the least able.
- Who hears that the insulation has failed opens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from twin.bms import codes
from twin.bms.codes import FaultCode, Level
from twin.bms.contactors import PeerSequence
from twin.bms.diagnosis.diagnoses import Found
from twin.bms.firmware.firmware import (
    Contents,
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
from twin.bms.firmware.module_monitor import readings_of
from twin.bms.firmware.pack_decisions import IGNORED_NS, ignored
from twin.bms.firmware.peer_view import PeerView
from twin.bms.insulation import Insulation
from twin.bms.lasting import NEVER, RESTART_SHOWN_NS, since
from twin.bms.module_management import BELIEFS, Managed, ModuleManagement, Orders, Readings, beliefs
from twin.bms.options import Bms
from twin.bms.power_limits.power_limits import Rise, Seen, smooth
from twin.bms.site import Site
from twin.plant.dc_bus import CLOSED

_INFO, _WARNING, _FATAL = map(int, (Level.INFO, Level.WARNING, Level.FATAL))
GRACE_PERIODS = 5
"""For so long a peer listens before it decides who is first."""

OWN: tuple[FaultCode, ...] = (
    codes.PRECHARGE_FAILED,
    codes.INSULATION_LOW,
    codes.LIMITS_IGNORED,
    codes.ECU_RESTARTED,
)


@dataclass(frozen=True)
class PeerState:
    """What the peers remember, ``[row]``."""

    managed: Managed
    sequence: PeerSequence
    insulation: Insulation
    limit_A: FloatArray
    """``[row, direction]``"""
    switched_ns: IntArray
    since_ns: IntArray
    """Since when each of ``OWN`` is so, ``[row, code]``."""
    begun_ns: IntArray
    restarted: NDArray[np.bool_]
    counter: IntArray


class PeerMonitor(Firmware[PeerState]):
    """Version 1.0.0 of a module's ECU among equals."""

    role: ClassVar[str] = "peer_monitor"
    scope: ClassVar[Scope] = "module"
    version: ClassVar[str] = "1.0.0"
    reads: ClassVar[tuple[str, ...]] = ("Module_State", "Module_Limits")
    sends: ClassVar[tuple[str, ...]] = ("Module_Limits", *TELEMETRY)

    def __init__(self, options: Bms, site: Site) -> None:
        self._options, self._site = options, site
        self._management = management = ModuleManagement(options, site, "module")
        self._slots = site.packs * site.modules
        self.codes = (*management.codes, *OWN, *[codes.MODULE_SILENT] * self._slots)
        self.commands = {"module_state": Reach(), **management.reach()}
        self.believes = dict.fromkeys(BELIEFS, Reach())
        self._frames = ModuleFrames(management.module.cells, management.codes)
        self._most_A = np.array([options.charge_limit_A, options.discharge_limit_A])
        self._rise = Rise(options.period_s)
        self._grace_ns = GRACE_PERIODS * round(options.period_s * 1e9)

    def initial(self, rows: int, memory: Signals) -> PeerState:
        """Return open contactors and the remembered ``memory["soc"]``."""
        never = np.full(rows, NEVER, np.int64)
        return PeerState(
            self._management.initial(rows, memory),
            PeerSequence.initial(rows),
            self._options.insulation.initial(rows),
            np.zeros((rows, 2)),
            np.zeros(rows, np.int64),
            np.full((rows, len(OWN)), NEVER, np.int64),
            never,
            np.full(rows, "restarts" in memory),
            np.zeros(rows, np.int64),
        )

    def step(self, state: PeerState, inputs: Inputs) -> tuple[PeerState, Outputs]:
        """Measure, estimate, protect, balance, agree with the peers on contactors, report."""
        readings = readings_of(inputs)
        peers = PeerView.of(inputs, self._site, self._options.period_s)
        managed, found = self._management.step(
            state.managed, readings, self._orders(state, peers, readings), inputs.time_ns
        )
        well = found.severity < _FATAL
        begun_ns = np.where(state.begun_ns == NEVER, inputs.time_ns, state.begun_ns)
        first = peers.first(well, everywhere=not self._site.series)
        insulation = self._insulated(state, peers, inputs, first)
        waited = inputs.time_ns - begun_ns >= self._grace_ns
        sequence = state.sequence.step(
            inputs.time_ns,
            well & (peers.heard_all | waited),
            first,
            *self._voltages(readings, peers, first),
            ~well | (insulation.level >= _FATAL) | peers.insulation_failed,
        )
        after = PeerState(
            managed,
            sequence,
            insulation,
            self._limit_A(state, sequence, self._allowed_A(readings, managed, sequence), inputs.time_ns),
            np.where(sequence.state != state.sequence.state, inputs.time_ns, state.switched_ns),
            self._since(state, sequence, insulation, readings, begun_ns, inputs.time_ns),
            begun_ns,
            state.restarted,
            (state.counter + 1) % 16,
        )
        silent = peers.silent & (first & waited)[:, None]
        return after, self._outputs(after, found, readings, peers, silent, inputs)

    def service(self, state: PeerState, what: Service, value: float) -> PeerState:
        """Clear what is latched, close without waiting, or take the capacity for ``value`` times what it is."""
        managed = self._management.service(state.managed, what, value)
        sequence = state.sequence
        if what != "capacity":
            sequence = sequence.cleared() if what == "clear" else sequence.hurried()
        return replace(state, managed=managed, sequence=sequence)

    def pending(self, state: PeerState) -> NDArray[np.bool_]:
        """Return which peers debounce something."""
        return self._management.pending(state.managed)

    def memory(self, state: PeerState) -> Signals:
        """Return the estimated state of charge."""
        return self._management.memory(state.managed)

    def _orders(self, state: PeerState, peers: PeerView, readings: Readings) -> Orders:
        closed = state.sequence.state == CLOSED
        nothing = np.full(len(closed), np.nan)
        lowest_V = np.fmin(peers.lowest_V, readings.voltage_V.min(axis=1)) if self._site.series else nothing
        allowed = closed & ~state.insulation.pause & ~peers.measuring
        return Orders(allowed, lowest_V, state.sequence.state, state.switched_ns)

    def _insulated(self, state: PeerState, peers: PeerView, inputs: Inputs, first: NDArray[np.bool_]) -> Insulation:
        """Return what the monitor in each module has measured; only that of the first is switched on."""
        measured = self._options.insulation.step(
            state.insulation,
            inputs.sensed["insulation_ohm"],
            state.managed.bleeding | peers.balancing,
            inputs.sensed["link_V"],
            inputs.time_ns,
        )
        return replace(measured, level=measured.level * first, pause=measured.pause & first)

    def _voltages(self, readings: Readings, peers: PeerView, first: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
        """Return the voltage of the link, and that at which a module may close onto it.

        In a string, the first one charges the link to the whole string's voltage, and the others close at once.
        """
        own_V = readings.module_V
        if not self._site.series:
            return readings.link_V, own_V
        return np.where(first, readings.link_V, own_V), np.where(first, own_V + peers.string_V, own_V)

    def _limit_A(
        self, state: PeerState, sequence: PeerSequence, allowed_A: FloatArray, time_ns: IntArray
    ) -> FloatArray:
        """Return what the inverter is told, ``[row, direction]``.

        It rises slowly, but for who joins others that deliver: all would have to wait for the least able.
        """
        joins = (sequence.state == CLOSED) & (state.sequence.state != CLOSED) & ~sequence.raises
        rise = self._rise.since(state.insulation.last_ns, time_ns)
        return np.where(joins[:, None], allowed_A, smooth(state.limit_A, allowed_A, rise))

    def _allowed_A(self, readings: Readings, managed: Managed, sequence: PeerSequence) -> FloatArray:
        """Return what the module may take and give now, ``[row, direction]``."""
        condition = managed.health.condition
        seen = Seen(
            readings.voltage_V.max(axis=1),
            readings.voltage_V.min(axis=1),
            readings.temperature_K.max(axis=1),
            readings.temperature_K.min(axis=1),
            readings.current_A,
            condition.resistance_factor,
            condition.capacity_Ah,
        )
        allowed_A = self._options.power_limits.allowed_A(
            seen, self._options.limits, self._most_A, self._management.module
        )
        scaled: FloatArray = allowed_A * ((sequence.state == CLOSED) * managed.scale)[:, None]
        return scaled

    @staticmethod
    def _since(
        state: PeerState,
        sequence: PeerSequence,
        insulation: Insulation,
        readings: Readings,
        begun_ns: IntArray,
        time_ns: IntArray,
    ) -> IntArray:
        """Return since when each of ``OWN`` is so."""
        own = (
            sequence.failed,
            insulation.level > 0,
            ignored(state.limit_A, readings.current_A) & (sequence.state == CLOSED),
            state.restarted & (time_ns - begun_ns < RESTART_SHOWN_NS),
        )
        return since(state.since_ns, np.stack(own, axis=1), time_ns)

    def _outputs(
        self,
        state: PeerState,
        found: Found,
        readings: Readings,
        peers: PeerView,
        silent: NDArray[np.bool_],
        inputs: Inputs,
    ) -> Outputs:
        """Return frames, commands and findings; of who is ``silent[row, slot]``, the first tells."""
        contactor = state.sequence.state
        ability: Contents = {
            "ChargeCurrentLimit": state.limit_A[:, 0],
            "DischargeCurrentLimit": state.limit_A[:, 1],
            "LowestCellVoltage": readings.voltage_V.min(axis=1),
            "Ready": found.severity < _FATAL,
            "ContactorState": contactor,
            "Peers": peers.heard.sum(axis=1),
            "Measures": state.insulation.pause,
        }
        findings = self._with_silent(self._findings(state, found, readings, inputs), peers, silent, inputs)
        frames = self._frames.telemetry(state.managed, found, readings, contactor == CLOSED, state.counter)
        own = findings.level[:, len(self._management.codes) :][:, : len(OWN)]
        return Outputs(
            {"Module_Limits": ability, **frames, "Module_State": _worse(frames["Module_State"], own)},
            {"module_state": contactor.astype(np.float64), **self._management.commands(state.managed)},
            findings,
            beliefs(state.managed, findings.level.max(axis=1)),
        )

    @staticmethod
    def _findings(state: PeerState, found: Found, readings: Readings, inputs: Inputs) -> Findings:
        """Return what is found of the module, then of what it shares with its peers."""
        begun_ns = state.since_ns
        lasts = inputs.time_ns - begun_ns[:, 2] >= IGNORED_NS
        own = np.stack(
            [
                state.sequence.failed * _FATAL,
                state.insulation.level,
                (begun_ns[:, 2] != NEVER) * lasts * _WARNING,
                (begun_ns[:, 3] != NEVER) * _INFO,
            ],
            axis=1,
        )
        nan = np.full(len(own), np.nan)
        value = np.stack([readings.link_V, state.insulation.value_ohm, np.abs(readings.current_A), nan], axis=1)
        level = np.concatenate([found.level, own], axis=1)
        return Findings(
            level.astype(np.int8),
            inputs.slot[:, None].repeat(level.shape[1], axis=1),
            np.concatenate([found.cell, np.full(own.shape, -1)], axis=1),
            np.concatenate([found.value, value], axis=1),
            np.concatenate([found.since_ns, begun_ns], axis=1),
        )

    def _with_silent(self, findings: Findings, peers: PeerView, silent: NDArray[np.bool_], inputs: Inputs) -> Findings:
        """Return the findings, and behind them of each slot that it is silent, since its last sign of life."""
        silence_s = (inputs.time_ns[:, None] - np.maximum(peers.last_ns, 0)) * 1e-9
        everyone = np.broadcast_to(np.arange(self._slots), silent.shape)
        pairs = (
            (findings.level, (silent * _WARNING).astype(np.int8)),
            (findings.slot, everyone),
            (findings.cell, np.full(silent.shape, -1)),
            (findings.value, silence_s),
            (findings.since_ns, np.where(silent, peers.last_ns, NEVER)),
        )
        return Findings(*(np.concatenate(pair, axis=1) for pair in pairs))


def _worse(told: Contents, own: NDArray[np.int8]) -> Contents:
    """Return a module's state with what it has found of what it shares, where that is worse than its own findings."""
    numbers = np.array([code.number for code in OWN])
    level = np.asarray(told["Level"])
    worse = own.max(axis=1) > level
    return {
        **told,
        "Level": np.maximum(level, own.max(axis=1)),
        "FaultCode": np.where(worse, numbers[own.argmax(axis=1)], told["FaultCode"]),
    }
