"""The plant of a cohort: all modules, the DC buses that join them and the inverters, stepped together.

A tick is one step for every site in which nothing happens. A site in which an action falls, or whose loop gain is too
high, walks through the tick in sub-steps of its own; the others never notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from twin.errors import InputError, Problem
from twin.plant import dc_bus
from twin.plant.action import Action, EventKind, PlantEvent
from twin.plant.agenda import Agenda
from twin.plant.coupling import BoolArray, CoupledModules, ModulesSnapshot, Span
from twin.plant.dc_bus import CLOSED, OPEN, Contactor, Link, Sources, Switches
from twin.plant.inverter import Inverter
from twin.plant.pool import FloatArray, Status
from twin.plant.ports import Columns, Rows

EVERY = slice(None)
Nanoseconds = int | NDArray[np.int64]


@dataclass(frozen=True)
class Wiring:
    """How many of what a site of the cohort has; ``slots = packs * modules``, slot = pack * modules + module."""

    sites: int
    packs: int
    modules: int
    """In a pack."""
    cells: int
    """In a module."""

    @property
    def slots(self) -> int:
        """Modules of a site."""
        return self.packs * self.modules


@dataclass(frozen=True)
class BusOptions:
    """The DC bus of every site of a cohort."""

    link: Link
    link_ohm: FloatArray
    """Between each module and its pack's bus bar, ``[site, slot]``."""
    inrush_limit_A: float
    substeps: int


@dataclass(frozen=True)
class PlantSnapshot:
    """The state of a plant at one moment; valid for the plant that took it."""

    modules: ModulesSnapshot
    arrays: tuple[NDArray[np.generic], ...]


class Plant:
    """All sites of a cohort.

    The arrays are kept for life, refreshed by ``advance``, and NaN where ``failed``. Write ``request_W[site]``
    (discharge positive) and ``ambient_K[site]`` before ``advance``; everything else changes through actions.

    * ``cell_voltage_V``, ``soc``, ``temperature_K``: ``[site, slot, cell]``, at the end of the step.
    * ``module_voltage_V``, ``housing_K``: ``[site, slot]``, at the end of the step; ``current_A``: over the last
      (sub-)step.
    * ``power_W``, ``bus_voltage_V``: ``[site]``, what the inverter takes over the last (sub-)step and the mean voltage
      at which it does; ``link_voltage_V``: of its capacitor, at the end.
    * ``module_state`` ``[site, slot]``, ``pack_state`` ``[site, pack]``: ``dc_bus.Contactor``; ``failed`` ``[site]``.
    """

    def __init__(self, wiring: Wiring, modules: CoupledModules, inverter: Inverter, bus: BusOptions) -> None:
        sites, slots, cells = wiring.sites, wiring.slots, wiring.cells
        arranged = sites, wiring.packs, wiring.modules
        self.wiring, self.inverter = wiring, inverter
        self._modules, self._bus = modules, bus
        signals = modules.signals
        self.cell_voltage_V = signals.cell_voltage_V.reshape(sites, slots, cells)
        self.soc = signals.soc.reshape(sites, slots, cells)
        self.temperature_K = signals.temperature_K.reshape(sites, slots, cells)
        self.module_voltage_V = signals.voltage_V.reshape(sites, slots)
        self.housing_K = signals.housing_K.reshape(sites, slots)
        self.current_A = np.zeros((sites, slots))
        self.power_W, self.bus_voltage_V, self.link_voltage_V = np.zeros(sites), np.zeros(sites), np.zeros(sites)
        self.request_W, self.ambient_K = np.zeros(sites), signals.housing_K.reshape(sites, slots)[:, 0].copy()
        self.module_state = np.zeros((sites, slots), dtype=np.int8)
        self.pack_state = np.zeros((sites, wiring.packs), dtype=np.int8)
        self.failed = np.zeros(sites, dtype=np.bool_)
        # The same memory as the bus sees it, [site, pack, module].
        self._module_state = self.module_state.reshape(arranged)
        self._current_A = self.current_A.reshape(arranged)
        self._elastance_V_As = signals.elastance_V_As
        self._link_ohm = np.broadcast_to(bus.link_ohm, (sites, slots)).reshape(arranged)
        # What was so after the last step; an event tells where it has become so.
        self._joined = np.zeros(arranged, dtype=np.bool_)
        self._infeasible, self._capped = np.zeros(sites, dtype=np.bool_), np.zeros(sites, dtype=np.bool_)
        self._switched = False
        self._events: list[PlantEvent] = []

    @property
    def status(self) -> NDArray[np.int32]:
        """The status of every module, ``[site, slot]`` (twin.plant.pool.Status)."""
        return self._modules.status().reshape(self.wiring.sites, self.wiring.slots)

    @property
    def actuators(self) -> frozenset[str]:
        """The actuators that this plant's FMUs have."""
        return frozenset(self._modules.inputs) | {"module_state", "pack_state", "power_limit_W", "extra_heat_W"}

    def close_contactors(self) -> None:
        """Join every module to its link, charged to their voltage: the plant of a site that is in operation."""
        self.module_state[:] = CLOSED
        self.pack_state[:] = CLOSED
        sources = self._sources(EVERY)
        switches = Switches(self._module_state, self.pack_state)
        none_W = np.zeros(self.wiring.sites)
        flow = dc_bus.solve(sources, switches, self._bus.link, none_W, self.link_voltage_V, 0.0)
        self.link_voltage_V[:] = self.bus_voltage_V[:] = flow.link_voltage_V
        self._joined[:] = True

    def advance(self, start_ns: int, end_ns: int, actions: Sequence[Action]) -> list[PlantEvent]:
        """Step every site from ``start_ns`` to ``end_ns``; each action takes effect at its own instant in between.

        Actions at ``start_ns`` belong to this tick, actions at ``end_ns`` to the next. Returns what happened, in the
        order of time and site. Raises ValueError for an action outside the tick.
        """
        self._events = []
        agenda = Agenda(start_ns, end_ns, actions)
        for action in agenda.due(agenda.sites(), repeat(start_ns)):
            self._apply(action)
        slow = self._parts(EVERY, start_ns, end_ns - start_ns, agenda.tick_ns) > 1
        slow[agenda.sites()] = True
        if slow.any() or self.failed.any():
            self._step(np.flatnonzero(~slow & ~self.failed), start_ns, end_ns - start_ns)
            self._walk(np.flatnonzero(slow & ~self.failed), agenda)
        else:
            self._step(EVERY, start_ns, end_ns - start_ns)
        self._switched = False
        return sorted(self._events, key=lambda event: (event.time_ns, event.site))

    def snapshot(self) -> PlantSnapshot:
        """Return the state of the whole plant, set-points and contactors included."""
        return PlantSnapshot(self._modules.snapshot(), tuple(array.copy() for array in self._arrays()))

    def restore(self, snapshot: PlantSnapshot) -> None:
        """Put the whole plant back to what it was."""
        self._modules.restore(snapshot.modules)
        for array, stored in zip(self._arrays(), snapshot.arrays, strict=True):
            array[...] = stored

    def close(self) -> None:
        """Free the FMUs."""
        self._modules.close()

    def _arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return the plant's own state; that of the modules is in ``_modules``."""
        return (
            *self._flows(),
            *(self.request_W, self.ambient_K),
            *(self.module_state, self.pack_state, self.failed, self._joined, self._infeasible, self._capped),
            *(self.inverter.charge_limit_W, self.inverter.discharge_limit_W),
        )

    def _walk(self, rows: NDArray[np.intp], agenda: Agenda) -> None:
        """Take ``rows`` through the tick in sub-steps: from action to action, and each stretch in equal parts."""
        now_ns = np.full(rows.size, agenda.start_ns)
        while rows.size:
            stop_ns = agenda.next_ns(rows)
            step_ns = (stop_ns - now_ns) // self._parts(rows, now_ns, stop_ns - now_ns, agenda.tick_ns)
            self._step(rows, now_ns, step_ns)
            now_ns = now_ns + step_ns
            for action in agenda.due(rows.tolist(), now_ns.tolist()):
                self._apply(action)
            going = (now_ns < agenda.end_ns) & ~self.failed[rows]
            rows, now_ns = rows[going], now_ns[going]

    def _parts(self, rows: Rows, now_ns: Nanoseconds, stretch_ns: Nanoseconds, tick_ns: int) -> NDArray[np.int64]:
        """Return into how many equal parts each row's stretch is cut: no part is shorter than the tick over the cap."""
        gain_Hz = dc_bus.loop_gain_Hz(self._sources(rows), self._elastance_V_As[rows], self._module_state[rows] != OPEN)
        wanted = np.ceil(gain_Hz * (stretch_ns * (1e-9 / dc_bus.LOOP_GAIN_LIMIT)))
        cap = np.ceil(stretch_ns * (self._bus.substeps / tick_ns))
        text = f"the step needs more than {self._bus.substeps} sub-steps; it takes no more"
        self._report_begun("substep_cap", self._capped, rows, wanted > cap, now_ns, text)
        return np.minimum(np.fmax(wanted, 1.0), cap).astype(np.int64)  # fmax: a failed site's NaN becomes 1

    def _step(self, rows: Rows, start_ns: Nanoseconds, step_ns: Nanoseconds) -> None:
        """Take one step of the sites ``rows``: the circuit, then the modules."""
        if isinstance(rows, np.ndarray) and not rows.size:
            return
        span = Span(rows, _seconds(start_ns), _seconds(step_ns))
        switches = Switches(self._module_state[rows], self.pack_state[rows])
        self._report_inrush(rows, switches, start_ns)
        asked_W = self.inverter.power_W(self.request_W, rows)
        sources = self._sources(rows, span.step_s)
        flow = dc_bus.solve(sources, switches, self._bus.link, asked_W, self.link_voltage_V[rows], span.step_s)
        self._current_A[rows], self.power_W[rows] = flow.current_A, flow.power_W
        self.bus_voltage_V[rows], self.link_voltage_V[rows] = flow.bus_voltage_V, flow.link_voltage_V
        text = "the modules cannot deliver what the inverter asks for: it has tripped and takes nothing"
        self._report_begun("infeasible_power", self._infeasible, rows, flow.infeasible, start_ns, text)
        self._modules.step(span, flow.current_A, self.ambient_K[rows])
        if self._modules.any_failed:
            self._quarantine(rows, start_ns)

    def _sources(self, rows: Rows, step_s: float | FloatArray = 0.0) -> Sources:
        """Return what the modules of ``rows`` are to the bus over a step; over none, what they are now."""
        signals = self._modules.signals
        half_s = 0.5 * (step_s[:, None, None] if isinstance(step_s, np.ndarray) else step_s)
        return Sources(
            emf_V=signals.emf_V[rows] + signals.emf_slope_V_s[rows] * half_s,
            resistance_ohm=signals.resistance_ohm[rows] + signals.elastance_V_As[rows] * half_s + self._link_ohm[rows],
        )

    def _apply(self, action: Action) -> None:
        """Set what an action sets; -1 as slot or cell means all."""
        site, cell = action.site, EVERY if action.cell < 0 else action.cell
        pack, module = (EVERY, EVERY) if action.slot < 0 else divmod(action.slot, self.wiring.modules)
        match action.actuator:
            case "module_state":
                self._switched = True
                self._module_state[site, pack, module] = Contactor(int(action.value))
            case "pack_state":
                self._switched = True
                self.pack_state[site, pack] = Contactor(int(action.value))
            case "power_limit_W":
                self.inverter.limit(site, action.cell, action.value)
            case "extra_heat_W":
                self._modules.extra_heat_W[site, pack, module, cell] = action.value
            case "cooling":
                self._input(action.actuator).write((site, pack, module), action.value)
            case _:
                self._input(action.actuator).write((site, pack, module, cell), action.value)

    def _input(self, actuator: str) -> Columns:
        try:
            return self._modules.inputs[actuator]
        except KeyError:
            raise InputError(Problem(f"the plant's FMUs have no input {actuator!r}")) from None

    def _report_begun(
        self, kind: EventKind, was: BoolArray, rows: Rows, now: BoolArray, time_ns: Nanoseconds, text: str
    ) -> None:
        """Report the sites of ``rows`` where a condition has begun, and remember it in ``was``."""
        begun = now & ~was[rows]
        was[rows] = now
        if begun.any():
            sites, times_ns = self._numbers(rows), np.broadcast_to(time_ns, begun.shape)
            for place in np.flatnonzero(begun):
                self._events.append(PlantEvent(int(times_ns[place]), int(sites[place]), kind, -1, text))

    def _report_inrush(self, rows: Rows, switches: Switches, time_ns: Nanoseconds) -> None:
        """Report the packs whose modules have just met a capacitor at another voltage, where the peak is high."""
        if not self._switched:
            return
        joined = switches.joined()
        joining = joined & ~self._joined[rows]
        self._joined[rows] = joined
        if not joining.any():
            return
        peak_A = dc_bus.inrush_A(self._sources(rows), joining, self.link_voltage_V[rows])
        sites, times_ns = self._numbers(rows), np.broadcast_to(time_ns, len(peak_A))
        for place, pack in np.argwhere(peak_A > self._bus.inrush_limit_A):
            text = f"pack {pack + 1} met the DC link with a peak of about {peak_A[place, pack]:.0f} A"
            self._events.append(PlantEvent(int(times_ns[place]), int(sites[place]), "inrush", -1, text))

    def _quarantine(self, rows: Rows, start_ns: Nanoseconds) -> None:
        """Take out the sites in which an FMU has failed: they are stepped no more, and their arrays become NaN."""
        status = self.status
        sites = self._numbers(rows)
        times_ns = np.broadcast_to(start_ns, sites.shape)
        for place in np.flatnonzero((status[sites] > Status.WARNING).any(axis=1) & ~self.failed[sites]):
            site = int(sites[place])
            slot = int(np.argmax(status[site] > Status.WARNING))
            text = self._modules.message(site * self.wiring.slots + slot)
            self._events.append(PlantEvent(int(times_ns[place]), site, "quarantine", slot, text))
            self.failed[site] = True
            for array in (*self._modules.signals.arrays().values(), *self._flows()):
                array[site] = np.nan

    def _flows(self) -> tuple[FloatArray, ...]:
        return self.current_A, self.power_W, self.bus_voltage_V, self.link_voltage_V

    def _numbers(self, rows: Rows) -> NDArray[np.intp]:
        """Return ``rows`` as row numbers."""
        return np.arange(self.wiring.sites)[rows]


def _seconds(time_ns: Nanoseconds) -> float | FloatArray:
    return time_ns.astype(np.float64) * 1e-9 if isinstance(time_ns, np.ndarray) else time_ns * 1e-9
