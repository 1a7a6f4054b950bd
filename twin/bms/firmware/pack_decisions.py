"""What is decided for a pack, whoever decides it: contactor, limits, what others are told.

A controller on the bus and one that is wired to the cells know their modules by different ways and look at them alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from twin.bms import codes
from twin.bms.codes import FaultCode, Level
from twin.bms.contactors import Sequence
from twin.bms.firmware import inverter_protocol
from twin.bms.firmware.firmware import Contents, Findings, FloatArray, Inputs, IntArray, Service
from twin.bms.firmware.inverter_protocol import Battery
from twin.bms.firmware.module_frames import KELVIN
from twin.bms.firmware.pack_view import TIMEOUT_PERIODS, Packs, PackView
from twin.bms.insulation import Insulation
from twin.bms.lasting import NEVER, RESTART_SHOWN_NS, since
from twin.bms.options import Bms
from twin.bms.power_limits.power_limits import Rise, Seen, pack_limit_A, smooth
from twin.bms.site import Site
from twin.plant.dc_bus import CLOSED

_WARNING, _FATAL = int(Level.WARNING), int(Level.FATAL)
IGNORED_NS = 2_000_000_000
"""For so long more than the limit must flow before the inverter is said to ignore it: it needs time to follow."""
_IGNORED_SHARE, _IGNORED_A = 1.1, 5.0

MESSAGES = ("Pack_State", "Pack_Limits", *inverter_protocol.MESSAGES)
READS = ("Pack_State", "Pack_Limits")
OWN: tuple[FaultCode, ...] = (
    codes.PRECHARGE_FAILED,
    codes.PACK_WELDED,
    codes.INSULATION_LOW,
    codes.LIMITS_IGNORED,
    codes.ECU_RESTARTED,
)
"""What a controller finds of its pack, whatever its modules say."""


@dataclass(frozen=True)
class Decided:
    """What the controllers remember of their decisions, ``[row]``."""

    sequence: Sequence
    insulation: Insulation
    limit_A: FloatArray
    """``[row, direction]``: charging, discharging."""
    scale: FloatArray
    """By which a mistake at the set-up multiplies the limits."""
    since_ns: IntArray
    """Since when each of ``OWN`` is so, ``[row, code]``; -1: it is not."""
    begun_ns: IntArray
    """When the controller first ran; -1: not yet."""
    restarted: NDArray[np.bool_]
    counter: IntArray


class PackDecisions:
    """Decides for packs of a site, rows of packs; ``isolates`` says whether a module's fatal finding opens the pack."""

    def __init__(self, options: Bms, site: Site, *, isolates: bool) -> None:
        self._options, self._site, self._isolates = options, site, isolates
        self._most_A = np.array([options.charge_limit_A, options.discharge_limit_A])
        self._rise = Rise(options.period_s)
        self.timeout_ns = round(TIMEOUT_PERIODS * options.period_s * 1e9)
        self._numbers = np.array([float(code.number) for code in OWN])

    def initial(self, rows: int, *, restarted: bool) -> Decided:
        """Return open contactors and no limits yet."""
        never = np.full(rows, NEVER, np.int64)
        return Decided(
            Sequence.initial(rows),
            self._options.insulation.initial(rows),
            np.zeros((rows, 2)),
            np.ones(rows),
            np.full((rows, len(OWN)), NEVER, np.int64),
            never,
            np.full(rows, restarted),
            np.zeros(rows, np.int64),
        )

    def step(self, state: Decided, view: PackView, inputs: Inputs) -> tuple[Decided, Findings]:
        """Return what is decided after a look at the modules, and what is found of the pack as a whole."""
        time_ns, sensed = inputs.time_ns, inputs.sensed
        pack_V = view.voltage(series=self._site.series)
        insulation = self._options.insulation.step(
            state.insulation, sensed["insulation_ohm"], view.balancing.max(axis=1), pack_V, time_ns
        )
        closed = view.closed.min(axis=1, keepdims=True) if self._site.breaks else view.closed
        sequence = state.sequence.step(
            time_ns,
            view.heard,
            closed,
            sensed["link_V"],
            pack_V,
            self._trip(view, insulation),
            sensed["bar_V"],
            sensed["pack_current_A"],
            self._alone(inputs),
        )
        rise = self._rise.since(state.insulation.last_ns, time_ns)
        limit_A = smooth(state.limit_A, self._allowed_A(view, sequence, state.scale), rise)
        begun_ns = np.where(state.begun_ns == NEVER, time_ns, state.begun_ns)
        is_so = np.stack(
            [
                sequence.failed,
                sequence.welded,
                insulation.level > 0,
                ignored(state.limit_A, sensed["pack_current_A"]),
                state.restarted & (time_ns - begun_ns < RESTART_SHOWN_NS),
            ],
            axis=1,
        )
        since_ns = since(state.since_ns, is_so, time_ns)
        after = Decided(
            sequence, insulation, limit_A, state.scale, since_ns, begun_ns, state.restarted, (state.counter + 1) % 16
        )
        return after, self._findings(after, inputs)

    def service(self, state: Decided, what: Service, value: float) -> Decided:
        """Clear what is latched, close without waiting, or take the capacity for ``value`` times what it is."""
        match what:
            case "clear":
                return replace(state, sequence=state.sequence.cleared())
            case "early_close":
                return replace(state, sequence=state.sequence.hurried())
            case "capacity":
                return replace(state, scale=state.scale * value)

    @staticmethod
    def pending(state: Decided) -> NDArray[np.bool_]:
        """Return of which packs it is still open whether the inverter keeps the limits."""
        begun_ns = state.since_ns[:, OWN.index(codes.LIMITS_IGNORED)]
        pending: NDArray[np.bool_] = (begun_ns != NEVER) & (state.insulation.last_ns - begun_ns < IGNORED_NS)
        return pending

    def frames(self, state: Decided, view: PackView, inputs: Inputs, found: Findings) -> dict[str, Contents]:
        """Return what other packs and the inverter are told."""
        pack_V = view.voltage(series=self._site.series)
        own = self._own(state, view, found)
        told: Contents = {
            "SOC": own.soc[:, 0] * 100.0,
            "Current": own.current_A[:, 0],
            "Voltage": pack_V,
            "Level": own.level[:, 0],
            "FaultCode": own.code[:, 0],
        }
        limits: Contents = {
            "ChargeCurrentLimit": own.limit_A[:, 0, 0],
            "DischargeCurrentLimit": own.limit_A[:, 0, 1],
            "Modules": own.modules[:, 0],
            "Temperature": own.hottest_C[:, 0],
        }
        battery = self._battery(own, inputs, view, found, pack_V)
        return {"Pack_State": told, "Pack_Limits": limits, **inverter_protocol.frames(battery)}

    def _alone(self, inputs: Inputs) -> NDArray[np.bool_]:
        """Return whether nobody else is known to feed the link."""
        told = inputs.received["Pack_Limits"]
        feeds = (told.time_ns >= 0) & (told["Modules"] > 0)
        alone: NDArray[np.bool_] = ~feeds.max(axis=1)
        return alone

    def forbids(self, view: PackView) -> NDArray[np.bool_]:
        """Return which modules forbid the pack to be closed, ``[row, module]``: their own contactor does not end it."""
        fatal = view.level >= _FATAL
        return fatal if self._isolates else fatal & (view.code == codes.CONTACTOR_WELDED.number)

    def _trip(self, view: PackView, insulation: Insulation) -> NDArray[np.bool_]:
        """Return whether something forbids the pack to be closed."""
        return np.logical_or(self.forbids(view).any(axis=1), insulation.level >= _FATAL)

    def _allowed_A(self, view: PackView, sequence: Sequence, scale: FloatArray) -> FloatArray:
        """Return what the pack may take and give now, ``[row, direction]``."""
        seen = Seen(
            view.highest_V,
            view.lowest_V,
            view.hottest_K,
            view.coldest_K,
            view.current_A,
            view.resistance_factor,
            view.soh * self._options.capacity_Ah,
        )
        module = self._site.module
        allowed_A = self._options.power_limits.allowed_A(seen, self._options.limits, self._most_A, module)
        ready = (sequence.state == CLOSED) * scale
        together_A = pack_limit_A(allowed_A, view.closed, paths=self._site.paths(view.closed))
        return together_A * ready[:, None]

    @staticmethod
    def _findings(state: Decided, inputs: Inputs) -> Findings:
        time_ns = inputs.time_ns
        level = np.empty(state.since_ns.shape, np.int8)
        level[:, 0] = state.sequence.failed * _FATAL
        level[:, 1] = state.sequence.welded * _FATAL
        level[:, 2] = state.insulation.level
        begun = state.since_ns[:, 3]
        level[:, 3] = ((begun != NEVER) & (time_ns - begun >= IGNORED_NS)) * _WARNING
        level[:, 4] = (state.since_ns[:, 4] != NEVER) * int(Level.INFO)
        value = np.stack(
            [
                inputs.sensed["link_V"],
                inputs.sensed["bar_V"],
                state.insulation.value_ohm,
                np.abs(inputs.sensed["pack_current_A"]),
                np.full(len(level), np.nan),
            ],
            axis=1,
        )
        whole = np.full((len(level), 1), -1)
        return Findings(level, whole.repeat(len(OWN), axis=1), whole, value, state.since_ns)

    def _own(self, state: Decided, view: PackView, found: Findings) -> Packs:
        """Return this pack as the site's others and the inverter see it."""
        worst, level = view.level.argmax(axis=1), view.level.max(axis=1)
        code = view.code[np.arange(len(worst)), worst] * (level > 0)
        own = found.level[:, : len(OWN)]
        highest = own.max(axis=1)
        delivers = state.sequence.state == CLOSED
        if self._site.breaks:
            delivers = delivers & view.closed.all(axis=1)
        columns = (
            view.live * delivers,
            view.mean(view.soc),
            self._site.together(view.current_A, view.closed),
            np.where(view.heard, view.hottest_K - KELVIN, -np.inf).max(axis=1),
            np.maximum(level, highest),
            np.where(highest > level, self._numbers[own.argmax(axis=1)], code),
        )
        return Packs(state.limit_A[:, None], *(column[:, None] for column in columns))

    def _battery(self, own: Packs, inputs: Inputs, view: PackView, found: Findings, pack_V: FloatArray) -> Battery:
        """Return what the inverter is told: all packs of the site together."""
        site = own.joined(inputs, inputs.slot // self._site.modules, self.timeout_ns)
        charge_A, discharge_A = site.together_A(series=self._site.series).T
        alarm, cells = self._options.limits, self._site.cells_in_series
        return Battery(
            charge_A=charge_A,
            discharge_A=discharge_A,
            charge_V=cells * alarm.cell_overvoltage_V.info,
            discharge_V=cells * alarm.cell_undervoltage_V.info,
            soc=site.mean_soc(),
            soh=view.mean(view.soh),
            voltage_V=pack_V,
            current_A=site.current_A.sum(axis=1),
            hottest_C=site.hottest_C.max(axis=1),
            charging=np.concatenate([view.current_A, site.current_A], axis=1) < 0.0,
            level=np.concatenate([view.level, site.level], axis=1),
            code=np.concatenate([view.code, site.code], axis=1),
            modules=site.delivering,
            silent=(~view.heard).any(axis=1) & (inputs.time_ns >= self.timeout_ns),
            failed=found.level[:, :2].max(axis=1) > 0,
        )


def ignored(limit_A: FloatArray, current_A: FloatArray) -> NDArray[np.bool_]:
    """Return whether more flows than ``limit_A[row, direction]`` allows."""
    most_A = np.where(current_A < 0.0, limit_A[:, 0], limit_A[:, 1])
    beyond: NDArray[np.bool_] = np.abs(current_A) > _IGNORED_SHARE * most_A + _IGNORED_A
    return beyond
