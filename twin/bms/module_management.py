"""Everything that a BMS does for a module: the same pure function, whether its monitor or a central controller runs it.

Rows are modules. Measuring comes before estimating, estimating before diagnosing, and balancing and cooling last; what
was commanded is what the sensors see the effect of at the next look.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.bms.balancing.strategy import Seen
from twin.bms.diagnosis.diagnoses import Diagnoses, Found, Watch
from twin.bms.diagnosis.diagnosis import Look
from twin.bms.estimators.estimator import Condition, Estimate
from twin.bms.estimators.health import Health
from twin.bms.firmware.firmware import FloatArray, IntArray, Reach, Service, Signals
from twin.bms.lasting import NEVER
from twin.bms.measured import Measured
from twin.bms.options import Bms
from twin.bms.site import Site
from twin.plant.action import Actuator

BELIEFS = ("module_soc", "module_soh", "level")


class Readings(NamedTuple):
    """What the sensors of modules say, ``[row]`` or ``[row, cell]``."""

    voltage_V: FloatArray
    temperature_K: FloatArray
    current_A: FloatArray
    module_V: FloatArray
    link_V: FloatArray
    sampled_ns: IntArray
    """When the cells were read last."""


class Orders(NamedTuple):
    """What those above or beside a module want of it, and what they know, ``[row]``."""

    allowed: NDArray[np.bool_]
    """Whether cells may be balanced."""
    lowest_V: FloatArray
    """To which voltage balancing brings cells down; NaN: to that of the module's own lowest."""
    commanded: NDArray[np.int8]
    """The contactor as last commanded."""
    switched_ns: IntArray


@dataclass(frozen=True)
class Managed:
    """What is remembered of modules, ``[row]`` or ``[row, cell]``."""

    estimate: Estimate
    health: Health
    watch: Watch
    balancing: Any
    duty: FloatArray
    moved_A: FloatArray
    """What active balancing takes from each cell."""
    flow: FloatArray
    scale: FloatArray
    """By which a mistake at the set-up multiplies the capacity."""
    sampled_ns: IntArray
    looked_ns: IntArray

    @property
    def bleeding(self) -> NDArray[np.bool_]:
        """Whether any cell of a module is balanced."""
        busy: NDArray[np.bool_] = ((self.duty != 0.0) | (self.moved_A != 0.0)).any(axis=1)
        return busy


class ModuleManagement:
    """The functions that a scenario chooses, over rows that are modules."""

    def __init__(self, options: Bms, site: Site, scope: Literal["module", "pack"]) -> None:
        self.module = site.module
        self._options, self._scope = options, scope
        self._bleed_ohm = site.bleed_ohm
        self._series = site.series
        """Behind the contactor of a module in a string is the string, whose voltage says nothing of it."""
        self._diagnoses = Diagnoses(options.limits, site.module)
        self.codes = self._diagnoses.codes

    def initial(self, rows: int, memory: Signals) -> Managed:
        """Return the state after power-on, given the remembered ``memory["soc"]``."""
        cells = self.module.cells
        return Managed(
            self._options.estimator.initial(memory["soc"], self.module),
            self._options.health.initial(rows, self.module),
            self._diagnoses.initial(rows),
            self._options.balancing.initial(rows, cells),
            np.zeros((rows, cells)),
            np.zeros((rows, cells)),
            np.zeros(rows),
            np.ones(rows),
            np.full(rows, NEVER, np.int64),
            np.full(rows, NEVER, np.int64),
        )

    def step(self, state: Managed, readings: Readings, orders: Orders, time_ns: IntArray) -> tuple[Managed, Found]:
        """Return the state after a look at the sensors at ``time_ns[row]``, and what was found."""
        fresh = readings.sampled_ns > state.sampled_ns
        measured = Measured(time_ns, readings.voltage_V, readings.temperature_K, readings.current_A, fresh)
        drawn_A = state.duty * readings.voltage_V / self._bleed_ohm + state.moved_A
        believed = state.health.condition
        condition = replace(believed, capacity_Ah=believed.capacity_Ah * state.scale)
        estimate = self._options.estimator.step(state.estimate, measured, drawn_A, condition, self.module)
        health = self._options.health.step(state.health, measured, drawn_A, estimate, self.module)
        cell_soc = estimate.cell_soc
        look = self._look(state, readings, orders, measured, drawn_A, cell_soc)
        watch, found = self._diagnoses.step(state.watch, look)
        seen = self.seen(measured, cell_soc, condition, orders)
        balancing, wanted = self._options.balancing.step(state.balancing, seen)
        elapsed_s = np.where(state.looked_ns == NEVER, 0, time_ns - state.looked_ns) * 1e-9
        flow = self._options.cooling.step(state.flow, measured.temperature_K.max(axis=1), elapsed_s)
        after = Managed(
            estimate,
            health,
            watch,
            balancing,
            wanted.duty,
            wanted.current_A,
            flow,
            state.scale,
            np.maximum(readings.sampled_ns, state.sampled_ns),
            time_ns,
        )
        return after, found

    def _look(
        self,
        state: Managed,
        readings: Readings,
        orders: Orders,
        measured: Measured,
        drawn_A: FloatArray,
        cell_soc: FloatArray,
    ) -> Look:
        """Return what diagnoses judge by; nobody tells a module what should flow through it."""
        unknown = np.full(len(measured.time_ns), np.nan)
        return Look(
            measured,
            readings.module_V,
            unknown if self._series else readings.link_V,
            unknown,
            state.duty,
            drawn_A,
            orders.commanded,
            orders.switched_ns,
            state.flow,
            cell_soc,
            self._scope,
        )

    def seen(self, measured: Measured, cell_soc: FloatArray, condition: Condition, orders: Orders) -> Seen:
        """Return what balancing goes by."""
        own_V = measured.voltage_V.min(axis=1)
        return Seen(
            measured.time_ns,
            measured.voltage_V,
            cell_soc,
            measured.temperature_K,
            measured.current_A,
            np.where(np.isnan(orders.lowest_V), own_V, orders.lowest_V),
            cell_soc.min(axis=1),
            condition.capacity_Ah,
            orders.allowed,
            self._bleed_ohm,
            self.module,
        )

    def service(self, state: Managed, what: Service, value: float) -> Managed:
        """Clear latched findings, or take the capacity for ``value`` times what it was taken for."""
        if what == "clear":
            return replace(state, watch=self._diagnoses.clear(state.watch, np.ones(len(state.flow), np.bool_)))
        return replace(state, scale=state.scale * value) if what == "capacity" else state

    def pending(self, state: Managed) -> NDArray[np.bool_]:
        """Return which modules something is about to be found of, ``[row]``."""
        return self._diagnoses.pending(state.watch, state.looked_ns)

    def memory(self, state: Managed) -> Signals:
        """Return what survives power-off."""
        return {"soc": state.estimate.soc}

    def reach(self, slots: int = 0) -> dict[Actuator, Reach]:
        """Return the actuators that managing modules needs, of each of ``slots`` modules, or of one."""
        cells, options = self.module.cells, self._options
        used: dict[Actuator, tuple[bool, Reach]] = {
            "bleed": (options.balancing.bleeds, Reach(slots, cells)),
            "balancing_current_A": (options.balancing.moves, Reach(slots, cells)),
            "cooling": (options.cooling.kind != "none", Reach(slots)),
        }
        return {actuator: reach for actuator, (is_used, reach) in used.items() if is_used}

    def commands(self, state: Managed) -> dict[Actuator, FloatArray]:
        """Return the set-points of these actuators, ``[row]`` or ``[row, cell]``."""
        wanted: dict[Actuator, FloatArray] = {
            "bleed": state.duty,
            "balancing_current_A": state.moved_A,
            "cooling": state.flow,
        }
        return {actuator: wanted[actuator] for actuator in self.reach()}


def beliefs(state: Managed, severity: NDArray[np.int8]) -> dict[str, FloatArray]:
    """Return what the log is told of modules, ``[row]``: see ``BELIEFS``."""
    return dict(zip(BELIEFS, (state.estimate.soc, state.health.soh, severity.astype(np.float64)), strict=True))
