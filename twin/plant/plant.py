"""The plant of a cohort: all modules, the DC buses that join them and the inverters, stepped together.

A tick is one step for every site in which nothing happens. A site in which an action falls, or whose loop gain is too
high, walks through the tick in sub-steps of its own; the others never notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from twin.plant import dc_bus
from twin.plant.action import Change, EventKind, PlantEvent, Replacement
from twin.plant.actuators import Actuators
from twin.plant.ageing.ageing import Life
from twin.plant.agenda import Agenda
from twin.plant.coupling import BoolArray, CoupledModules, ModulesSnapshot, Span
from twin.plant.dc_bus import CLOSED, OPEN, PRECHARGE, Contactor, Link, Packs
from twin.plant.inverter import Inverter
from twin.plant.packs import Connection, Joints, Sources
from twin.plant.pool import FloatArray, Status
from twin.plant.ports import Rows
from twin.plant.switchgear import AT_ONCE, Moved, Movement, Switchgear

EVERY = slice(None)
INSULATION_OHM = 1e6
"""Resistance of a sound DC system to earth, far above the 500 ohm/V that IEC 61851-23 asks for."""
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
    connection: Connection = "parallel"
    """Of the modules of a pack; packs are in parallel on the DC link."""

    @property
    def slots(self) -> int:
        """Modules of a site."""
        return self.packs * self.modules


@dataclass(frozen=True)
class BusOptions:
    """The DC bus of every site of a cohort."""

    link: Link
    link_ohm: FloatArray
    """Between each module and its pack's bus bar, or the next module of its string, ``[site, slot]``."""
    inrush_limit_A: float
    substeps: int
    bypass: bool = False
    """Whether a module of a string is bypassed when its contactor opens."""
    movement: Movement = AT_ONCE


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
    * ``bar_voltage_V``: ``[site, pack]``, of the bus bars, behind their main contactors, at the end; 0 where nothing
      feeds them.
    * ``module_state`` ``[site, slot]``, ``pack_state`` ``[site, pack]``: where contactors stand (``dc_bus.Contactor``).
    * ``present`` ``[site, slot]``: whether a module is plugged in; ``insulation_ohm``, ``failed`` ``[site]``.
    """

    def __init__(
        self,
        wiring: Wiring,
        modules: CoupledModules,
        inverter: Inverter,
        bus: BusOptions,
        life: Life | None = None,
        board: Mapping[str, float] | None = None,
    ) -> None:
        """Join initialised modules.

        ``life``: what ages the cells; ``board``: parameters of the electrical FMU that are the same for all modules, so
        also for those that join later.
        """
        sites, slots, cells = wiring.sites, wiring.slots, wiring.cells
        arranged = sites, wiring.packs, wiring.modules
        self.wiring, self.inverter, self.life = wiring, inverter, life
        self._board = dict(board or {})
        self._modules, self._bus = modules, bus
        signals = modules.signals
        self.cell_voltage_V = signals.cell_voltage_V.reshape(sites, slots, cells)
        self.soc = signals.soc.reshape(sites, slots, cells)
        self.temperature_K = signals.temperature_K.reshape(sites, slots, cells)
        self.module_voltage_V = signals.voltage_V.reshape(sites, slots)
        self.housing_K = signals.housing_K.reshape(sites, slots)
        self.current_A = np.zeros((sites, slots))
        self.power_W, self.bus_voltage_V, self.link_voltage_V = np.zeros(sites), np.zeros(sites), np.zeros(sites)
        self.bar_voltage_V = np.zeros((sites, wiring.packs))
        self.request_W, self.ambient_K = np.zeros(sites), signals.housing_K.reshape(sites, slots)[:, 0].copy()
        self._gear = Switchgear(sites, slots, wiring.packs, bus.movement)
        self.module_state, self.pack_state = self._gear.state[:, :slots], self._gear.state[:, slots:]
        self.present = self._gear.present
        self.insulation_ohm = np.full(sites, INSULATION_OHM)
        self.failed = np.zeros(sites, dtype=np.bool_)
        self._actuators = Actuators(modules, arranged, inverter, self._gear, self.insulation_ohm)
        # The same memory as the bus sees it, [site, pack, module].
        self._module_state = self.module_state.reshape(arranged)
        self._current_A = self.current_A.reshape(arranged)
        self._elastance_V_As = signals.elastance_V_As
        self._link_ohm = np.broadcast_to(bus.link_ohm, (sites, slots)).reshape(arranged)
        self._joints = Joints(wiring.connection, bus.bypass, bus.link.precharge_ohm)
        # What was so after the last step; an event tells where it has become so.
        self._joined = np.zeros(arranged, dtype=np.bool_)
        self._infeasible, self._capped = np.zeros(sites, dtype=np.bool_), np.zeros(sites, dtype=np.bool_)
        self._switched = False
        self._events: list[PlantEvent] = []

    @property
    def status(self) -> NDArray[np.int32]:
        """The status of every module, ``[site, slot]`` (twin.plant.pool.Status)."""
        return self._modules.status().reshape(self.wiring.sites, self.wiring.slots)

    def signal(self, name: str) -> FloatArray:
        """Return what the FMUs say by its name in ``ModuleSignals``, ``[site, slot]`` or ``[site, slot, cell]``."""
        found: FloatArray = getattr(self._modules.signals, name)
        return found.reshape(self.wiring.sites, self.wiring.slots, *found.shape[3:])

    @property
    def actuators(self) -> frozenset[str]:
        """The actuators that this plant has; some depend on the inputs of its FMUs."""
        return self._actuators.names

    @property
    def pack_current_A(self) -> FloatArray:
        """What the packs give, over the last (sub-)step, ``[site, pack]``; positive discharges."""
        if self.wiring.connection == "parallel":
            return self._current_A.sum(axis=-1)
        # All that is in a string carries the same current, and what is not, none.
        carrier = np.abs(self._current_A).argmax(axis=-1)
        return np.take_along_axis(self._current_A, carrier[..., None], axis=-1)[..., 0]

    @property
    def terminal_voltage_V(self) -> FloatArray:
        """Voltage outside of the modules' contactors, ``[site, slot]``: of an open one, what the others put there."""
        state, inside_V = self.module_state, self.module_voltage_V
        if self.wiring.connection == "parallel":
            return np.where(state == CLOSED, inside_V, np.repeat(self.bar_voltage_V, self.wiring.modules, axis=1))
        drop_V = np.where(state == PRECHARGE, self._bus.link.precharge_ohm * self.current_A, 0.0)
        return np.where(state == OPEN, 0.0 * inside_V, inside_V - drop_V)

    def close_contactors(self) -> None:
        """Join every module to its link, charged to their voltage: the plant of a site that is in operation."""
        self._gear.close()
        none_W = np.zeros(self.wiring.sites)
        flow = dc_bus.solve(self._packs(EVERY), self.pack_state, self._bus.link, none_W, self.link_voltage_V, 0.0)
        self.link_voltage_V[:] = self.bus_voltage_V[:] = flow.link_voltage_V
        self.bar_voltage_V[:] = flow.bar_end_V
        self._joined[:] = True

    def advance(
        self, start_ns: int, end_ns: int, actions: Sequence[Change], rows: NDArray[np.int64] | None = None
    ) -> list[PlantEvent]:
        """Step sites from ``start_ns`` to ``end_ns``; each action takes effect at its own instant in between.

        Actions at ``start_ns`` belong to this tick, actions at ``end_ns`` to the next. ``rows``: some of the sites, in
        rising order, and the actions are theirs; who steps sites so lets them ``age`` himself. Returns what happened,
        in the order of time and site. Raises ValueError for an action outside the tick.
        """
        self._events = []
        served = EVERY if rows is None else rows
        agenda = Agenda(start_ns, end_ns, actions)
        due = agenda.due(agenda.sites(), repeat(start_ns))
        numbers = self._numbers(served)
        if due or self._gear.moving:
            sites = numbers[~self.failed[served]]
            self._switch(sites, np.full(sites.size, start_ns), due)
        slow = self._parts(served, start_ns, end_ns - start_ns, agenda.tick_ns) > 1
        slow[np.searchsorted(numbers, agenda.sites())] = True
        if self._gear.moving:
            slow |= self._gear.next_ns(served) < end_ns
        failed = self.failed[served]
        if slow.any() or failed.any():
            self._step(numbers[~slow & ~failed], start_ns, end_ns - start_ns)
            self._walk(numbers[slow & ~failed], agenda)
        else:
            self._step(served, start_ns, end_ns - start_ns)
        self._switched = False
        if rows is None:
            self.age(end_ns)
        return sorted(self._events, key=lambda event: (event.time_ns, event.site))

    def age(self, time_ns: int) -> None:
        """Let the cells of all sites, which have been stepped to ``time_ns``, age."""
        if self.life is not None and self.life.advance(time_ns, self.soc, self.temperature_K):
            self._modules.age(self.life.capacity_factor, self.life.resistance_growth)

    def snapshot(self) -> PlantSnapshot:
        """Return the state of the whole plant, set-points and contactors included."""
        return PlantSnapshot(self._modules.snapshot(), tuple(array.copy() for array in self._arrays()))

    def restore(self, snapshot: PlantSnapshot) -> None:
        """Put the whole plant back to what it was."""
        self._modules.restore(snapshot.modules)
        for array, stored in zip(self._arrays(), snapshot.arrays, strict=True):
            array[...] = stored
        self._gear.refresh()

    def close(self) -> None:
        """Free the FMUs."""
        self._modules.close()

    def _arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return the plant's own state; that of the modules is in ``_modules``."""
        return (
            *self._flows(),
            *(self.request_W, self.ambient_K),
            *(self.insulation_ohm, self.failed, self._joined, self._infeasible, self._capped),
            *self._gear.arrays(),
            *self._actuators.arrays(),
            *(self.life.arrays() if self.life is not None else ()),
        )

    def _walk(self, rows: NDArray[np.intp], agenda: Agenda) -> None:
        """Take ``rows`` through the tick in sub-steps: from action to action, and each stretch in equal parts."""
        now_ns = np.full(rows.size, agenda.start_ns)
        while rows.size:
            stop_ns = np.minimum(agenda.next_ns(rows), self._gear.next_ns(rows))
            step_ns = (stop_ns - now_ns) // self._parts(rows, now_ns, stop_ns - now_ns, agenda.tick_ns)
            self._step(rows, now_ns, step_ns)
            now_ns = now_ns + step_ns
            going = (now_ns < agenda.end_ns) & ~self.failed[rows]
            rows, now_ns = rows[going], now_ns[going]
            self._switch(rows, now_ns, agenda.due(rows.tolist(), now_ns.tolist()))

    def _parts(self, rows: Rows, now_ns: Nanoseconds, stretch_ns: Nanoseconds, tick_ns: int) -> NDArray[np.int64]:
        """Return into how many equal parts each row's stretch is cut: no part is shorter than the tick over the cap."""
        gain_Hz = self._packs(rows).loop_gain_Hz(self._elastance_V_As[rows])
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
        self._report_inrush(rows, start_ns)
        asked_W, link = self.inverter.power_W(self.request_W, rows), self._bus.link
        packs = self._packs(rows, span.step_s)
        states = None if self._gear.packs_closed else self.pack_state[rows]
        flow = dc_bus.solve(packs, states, link, asked_W, self.link_voltage_V[rows], span.step_s)
        self._current_A[rows], self.power_W[rows] = flow.current_A, flow.power_W
        self.bus_voltage_V[rows], self.link_voltage_V[rows] = flow.bus_voltage_V, flow.link_voltage_V
        self.bar_voltage_V[rows] = flow.bar_end_V
        text = "the modules cannot deliver what the inverter asks for: it has tripped and takes nothing"
        self._report_begun("infeasible_power", self._infeasible, rows, flow.infeasible, start_ns, text)
        self._modules.step(span, flow.current_A, self.ambient_K[rows])
        if self._modules.any_failed:
            self._quarantine(rows, start_ns)

    def _packs(self, rows: Rows, step_s: float | FloatArray = 0.0) -> Packs:
        """Return what the packs of ``rows`` are to the bus over a step; over none, what they are now."""
        signals, link_ohm = self._modules.signals, self._link_ohm[rows]
        half_s = 0.5 * (step_s[:, None, None] if isinstance(step_s, np.ndarray) else step_s)
        sources = Sources(
            emf_V=signals.emf_V[rows] + signals.emf_slope_V_s[rows] * half_s,
            resistance_ohm=signals.resistance_ohm[rows] + signals.elastance_V_As[rows] * half_s + link_ohm,
            link_ohm=link_ohm,
        )
        return self._joints.packs(sources, None if self._gear.modules_closed else self._module_state[rows])

    def _switch(self, sites: NDArray[np.intp], now_ns: NDArray[np.int64], actions: Sequence[Change]) -> None:
        """Let contactors arrive that are due, then take actions, each site at its own instant.

        A contactor that has no delay has arrived once the last action of the instant is taken.
        """
        moved = self._gear.settle(sites, now_ns)
        for action in actions:
            self._apply(action)
        moved += self._gear.settle(sites, now_ns) if actions else []
        self._switched |= bool(moved)
        self._events += [self._told(one) for one in moved]

    def _apply(self, change: Change) -> None:
        if isinstance(change, Replacement):
            self._replace(change)
        elif change.actuator == "present":
            slots = range(self.wiring.slots) if change.slot < 0 else [change.slot]
            for slot in slots:
                self._plug(change.time_ns, change.site, slot, bool(change.value))
        else:
            self._actuators.apply(change)

    def _replace(self, new: Replacement) -> None:
        """Put another module into a slot; a site that is quarantined stays so."""
        if self.failed[new.site]:
            return
        self._plug(new.time_ns, new.site, new.slot, False)
        cells = {"soc_start": new.soc, "capacity_Ah": new.capacity_Ah, "resistance_factor": new.resistance_factor}
        parameters = {name: np.full((1, self.wiring.cells), value) for name, value in cells.items()}
        parameters |= {name: np.full((1, 1), value) for name, value in self._board.items()}
        module = np.array([new.site * self.wiring.slots + new.slot])
        self._modules.replace(module, parameters, np.array([new.temperature_K]), new.time_ns * 1e-9)
        if self.life is not None:
            self.life.replace((new.site, new.slot), new.soc)
        self._plug(new.time_ns, new.site, new.slot, True)

    def _plug(self, time_ns: int, site: int, slot: int, present: bool) -> None:
        """Plug a module in or out; one that leaves while its contactor is not open draws an arc."""
        if present == self.present[site, slot]:
            return
        if not present and self.module_state[site, slot] != OPEN:
            text = f"the module was unplugged at {self.current_A[site, slot]:.0f} A: its contactor was not open"
            self._events.append(PlantEvent(time_ns, site, "arc", slot, text))
        self._gear.plug(site, slot) if present else self._gear.unplug(site, slot)
        self._switched = True

    def _told(self, moved: Moved) -> PlantEvent:
        """Return what a contactor has done, in words."""
        verb = {Contactor.OPEN: "opened", Contactor.CLOSED: "closed", Contactor.PRECHARGE: "pre-charges"}[
            Contactor(moved.state)
        ]
        time_ns, site, slot = moved.time_ns, moved.site, moved.contactor
        if slot < self.wiring.slots:
            return PlantEvent(time_ns, site, "contactor", slot, f"the contactor {verb}")
        pack = slot - self.wiring.slots
        return PlantEvent(time_ns, site, "contactor", -1, f"pack {pack + 1}: the main contactor {verb}", pack)

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

    def _report_inrush(self, rows: Rows, time_ns: Nanoseconds) -> None:
        """Report the packs that have just met a capacitor at another voltage, where the peak is high."""
        if not self._switched:
            return
        packs, before = self._packs(rows), self._joined[rows].copy()
        joined = packs.joined(self.pack_state[rows])
        self._joined[rows] = joined
        if np.array_equal(joined, before):
            return
        peak_A = packs.inrush_A(joined, before, self.link_voltage_V[rows])
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
        return self.current_A, self.power_W, self.bus_voltage_V, self.link_voltage_V, self.bar_voltage_V

    def _numbers(self, rows: Rows) -> NDArray[np.intp]:
        """Return ``rows`` as row numbers."""
        return np.arange(self.wiring.sites)[rows]


def _seconds(time_ns: Nanoseconds) -> float | FloatArray:
    return time_ns.astype(np.float64) * 1e-9 if isinstance(time_ns, np.ndarray) else time_ns * 1e-9
