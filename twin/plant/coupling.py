"""The electrical and the thermal FMU of every module, stepped as one.

Heat flows one way, temperature the other. A step of h seconds is taken in this order:

1. electrical, at the temperature that the cells will have halfway: ``T + dT/dt h/2``, dT/dt from the step before;
2. thermal, with the mean heat of the step, ``(heat_J after - heat_J before) / h``: what was generated is handed over
   to the joule, and the heat of the balancing resistors goes into the housing.

The midpoint temperature makes the pair second order in h where temperature held would make it first order
(``tests/published/test_coupling.py``); it costs one multiplication and no second solution.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from twin.errors import InputError, Problem
from twin.plant.pool import FloatArray, Pool, Snapshot, Status
from twin.plant.ports import Columns, Interface, Ports, Rows, Signal

BoolArray = NDArray[np.bool_]

WARNING = int(Status.WARNING)

ELECTRICAL = Interface(
    inputs=(
        Signal("current_A", "A"),
        Signal("temperature_K", "K", per_cell=True),
        Signal("bleed", "1", per_cell=True, required=False),
        Signal("balancing_current_A", "A", per_cell=True, required=False),
        Signal("short_S", "S", per_cell=True, required=False),
        Signal("contact_ohm", "Ohm", per_cell=True, required=False),
        Signal("capacity_factor", "1", per_cell=True, required=False),
        Signal("resistance_growth", "1", per_cell=True, required=False),
    ),
    outputs=(
        Signal("voltage_V", "V"),
        Signal("cell_voltage_V", "V", per_cell=True),
        Signal("soc", "1", per_cell=True),
        Signal("heat_J", "J", per_cell=True),
        Signal("board_heat_J", "J", required=False),
        Signal("emf_V", "V"),
        Signal("resistance_ohm", "Ohm"),
        Signal("emf_slope_V_s", "V/s"),
        Signal("elastance_V_As", "V/(A.s)"),
        Signal("charge_Ah", "A.h", required=False),
        Signal("delivered_Ah", "A.h", required=False),
        Signal("balanced_Ah", "A.h", required=False),
        Signal("bled_Ah", "A.h", required=False),
        Signal("lost_Ah", "A.h", required=False),
        Signal("stored_J", "J", required=False),
        Signal("delivered_J", "J", required=False),
        Signal("balanced_J", "J", required=False),
        Signal("short_heat_J", "J", required=False),
        Signal("contact_heat_J", "J", required=False),
    ),
    parameters=(
        Signal("capacity_Ah", "A.h", per_cell=True),
        Signal("resistance_factor", "1", per_cell=True),
        Signal("soc_start", "1", per_cell=True),
        Signal("self_discharge_A", "A", per_cell=True, required=False),
        Signal("bleed_ohm", "Ohm", required=False),
    ),
)
"""What the plant needs of the electrical FMU of a module, and what it can use."""

THERMAL = Interface(
    inputs=(
        Signal("heat_W", "W", per_cell=True),
        Signal("board_heat_W", "W", required=False),
        Signal("ambient_K", "K"),
        Signal("cooling", "1", required=False),
    ),
    outputs=(Signal("temperature_K", "K", per_cell=True), Signal("housing_K", "K")),
    parameters=(Signal("temperature_start_K", "K"),),
)
"""What the plant needs of the thermal FMU of a module, and what it can use."""


@dataclass(frozen=True)
class ModuleSignals:
    """What the FMUs of the modules say, ``[*shape]`` or ``[*shape, cell]``; the arrays are kept for life.

    From ``charge_Ah`` to ``contact_heat_J`` they are the module's books (``fmus/module_electrical/README.md``). Those
    stay at 0 where an FMU keeps none.
    """

    voltage_V: FloatArray
    emf_V: FloatArray
    resistance_ohm: FloatArray
    emf_slope_V_s: FloatArray
    elastance_V_As: FloatArray
    board_heat_J: FloatArray
    charge_Ah: FloatArray
    delivered_Ah: FloatArray
    balanced_Ah: FloatArray
    bled_Ah: FloatArray
    lost_Ah: FloatArray
    stored_J: FloatArray
    delivered_J: FloatArray
    balanced_J: FloatArray
    short_heat_J: FloatArray
    contact_heat_J: FloatArray
    housing_K: FloatArray
    cell_voltage_V: FloatArray
    soc: FloatArray
    heat_J: FloatArray
    temperature_K: FloatArray

    @classmethod
    def empty(cls, shape: tuple[int, ...], cells: int) -> ModuleSignals:
        """Return arrays of zeros."""
        per_cell = {signal.name for signal in ELECTRICAL.outputs + THERMAL.outputs if signal.per_cell}
        sizes = {field.name: (*shape, cells) if field.name in per_cell else shape for field in fields(cls)}
        return cls(**{name: np.zeros(size) for name, size in sizes.items()})

    def arrays(self) -> dict[str, FloatArray]:
        """Return the arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Span:
    """A step of some sites: ``rows`` of the first axis, start and length the same for all, or one a row."""

    rows: Rows
    start_s: float | FloatArray
    step_s: float | FloatArray

    def broadcast(self, values: float | FloatArray, axes: int) -> float | FloatArray:
        """Return one number a row, shaped to meet arrays of ``axes`` axes."""
        return values.reshape(-1, *(1,) * (axes - 1)) if isinstance(values, np.ndarray) else values


@dataclass(frozen=True)
class ModulesSnapshot:
    """The state of all modules at one moment."""

    electrical: Snapshot
    thermal: Snapshot
    arrays: tuple[FloatArray, ...]


class CoupledModules:
    """The modules of a cohort: an electrical and a thermal instance each, arranged as ``shape``, sites first."""

    def __init__(
        self,
        electrical: Pool,
        electrical_ports: Ports,
        thermal: Pool,
        thermal_ports: Ports,
        shape: tuple[int, ...],
        cells: int,
    ) -> None:
        self.electrical, self.thermal = electrical, thermal
        self.shape, self.cells = shape, cells
        self.signals = ModuleSignals.empty(shape, cells)
        self.extra_heat_W = np.zeros((*shape, cells))
        self.inputs: dict[str, Columns] = {
            **electrical_ports.input_columns(electrical.inputs, shape),
            **thermal_ports.input_columns(thermal.inputs, shape),
        }
        self.any_failed = False
        """Whether an instance of any module has failed."""
        self._ports = electrical_ports, thermal_ports
        self._warming_K_s = np.zeros((*shape, cells))
        self._fresh_inputs = electrical.inputs[:1].copy()
        arrays = self.signals.arrays()
        self._electrical_read = _pairs(electrical_ports.output_columns(electrical.outputs, shape), arrays)
        self._thermal_read = _pairs(thermal_ports.output_columns(thermal.outputs, shape), arrays)

    def initialize(self, parameters: dict[str, FloatArray], temperature_start_K: FloatArray, start_s: float) -> None:
        """Initialise both FMUs of every module, at rest and with the ambient at its temperature.

        All other inputs are what the FMU starts with: no fault, no balancing, no ageing.
        ``parameters``: signals of ``ELECTRICAL.parameters``, ``[*shape, cell]``; ``temperature_start_K``: ``[*shape]``.
        Raises InputError if an FMU lacks a parameter.
        """
        count = self.electrical.count
        electrical, thermal = self._ports
        self.electrical.inputs[:] = self._fresh_inputs
        self.inputs["current_A"].write(..., 0.0)
        self.inputs["ambient_K"].write(..., temperature_start_K)
        self.inputs["temperature_K"].write(..., temperature_start_K[..., None])
        start = thermal.parameter_values({"temperature_start_K": temperature_start_K}, count)
        self.electrical.initialize(electrical.parameter_values(parameters, count), start_s)
        self.thermal.initialize(start, start_s)
        self._warming_K_s[:] = 0.0
        for read in (self._electrical_read, self._thermal_read):
            _refresh(read, slice(None))

    def replace(
        self,
        modules: NDArray[np.intp],
        parameters: dict[str, FloatArray],
        temperature_start_K: FloatArray,
        time_s: float,
    ) -> None:
        """Put other modules, at rest, in the place of ``modules``, their numbers in ``shape``.

        Nothing of the old ones stays: counters begin at 0, ageing at none, bleed, balancing and faults are gone; the
        ambient and the cooling of the place stay. A place whose module had failed works again.
        ``parameters``: as ``initialize`` has them, ``[module, cell]``; one that is not given has the FMU's start value.
        ``temperature_start_K``: ``[module]``.
        Raises InputError if an FMU lacks a parameter.
        """
        places = np.unravel_index(modules, self.shape)
        electrical, thermal = self._ports
        values = electrical.parameter_values(parameters, len(modules))
        self.electrical.inputs[modules] = self._fresh_inputs
        self.extra_heat_W[places] = self._warming_K_s[places] = 0.0
        self.inputs["temperature_K"].write(places, temperature_start_K[:, None])
        start = thermal.parameter_values({"temperature_start_K": temperature_start_K}, len(modules))
        instances = modules.tolist()
        self.electrical.replace(instances, values, time_s)
        self.thermal.replace(instances, start, time_s)
        for array, columns in (*self._electrical_read, *self._thermal_read):
            array[places] = columns.read(places)
        self.any_failed = _has_failed(self.electrical) or _has_failed(self.thermal)

    def age(self, capacity_factor: FloatArray, resistance_growth: FloatArray) -> None:
        """Set what cells have of the capacity and resistance that they started with, ``[*shape, cell]``, from now on.

        Their states of charge stay: what is lost of the capacity takes its charge with it.
        Raises InputError if the electrical FMU has no inputs for it.
        """
        missing = [name for name in ("capacity_factor", "resistance_growth") if name not in self.inputs]
        if missing:
            problem = "the electrical FMU has no input {!r}, and so its cells cannot age"
            raise InputError(Problem(problem.format(name), path="plant.ageing") for name in missing)
        for name, factor in (("capacity_factor", capacity_factor), ("resistance_growth", resistance_growth)):
            self.inputs[name].write(..., factor.reshape(*self.shape, self.cells))

    def step(self, span: Span, current_A: FloatArray, ambient_K: FloatArray) -> None:
        """Take one step: ``current_A`` is constant over it, ``[rows, ...]``; ``ambient_K`` is one a row.

        An instance that fails leaves NaN in ``signals``; ``status`` says where.
        """
        rows, signals = span.rows, self.signals
        step_s = span.broadcast(span.step_s, len(self.shape))
        cell_step_s = span.broadcast(span.step_s, len(self.shape) + 1)
        times = self._instances(span, span.start_s), self._instances(span, span.step_s)

        midway_K = signals.temperature_K[rows] + self._warming_K_s[rows] * (0.5 * cell_step_s)
        self.inputs["current_A"].write(rows, current_A)
        self.inputs["temperature_K"].write(rows, midway_K)
        before_J, board_before_J = signals.heat_J[rows].copy(), signals.board_heat_J[rows].copy()
        mask = self._mask(rows)
        self.electrical.step(*times, mask)
        self.any_failed |= _has_failed(self.electrical)
        _refresh(self._electrical_read, rows)

        self.inputs["heat_W"].write(rows, (signals.heat_J[rows] - before_J) / cell_step_s + self.extra_heat_W[rows])
        if "board_heat_W" in self.inputs:
            self.inputs["board_heat_W"].write(rows, (signals.board_heat_J[rows] - board_before_J) / step_s)
        self.inputs["ambient_K"].write(rows, span.broadcast(ambient_K, len(self.shape)))
        before_K = signals.temperature_K[rows].copy()
        self.thermal.step(*times, self._mask(rows) if self.any_failed else mask)
        self.any_failed |= _has_failed(self.thermal)
        _refresh(self._thermal_read, rows)
        self._warming_K_s[rows] = (signals.temperature_K[rows] - before_K) / cell_step_s

    def status(self) -> NDArray[np.int32]:
        """Return the worse status of the two instances of every module, ``[*shape]``."""
        return np.maximum(self.electrical.status, self.thermal.status).reshape(self.shape)

    def message(self, module: int) -> str:
        """Return what the FMUs said of a module (its number in ``shape``) that failed."""
        for name, pool in (("electrical", self.electrical), ("thermal", self.thermal)):
            if pool.status[module] > WARNING:
                said = pool.message(module)
                return f"the {name} FMU reports {Status(pool.status[module]).name}" + (f": {said}" if said else "")
        return ""

    def snapshot(self) -> ModulesSnapshot:
        """Return the state of every module, inputs included."""
        arrays = tuple(array.copy() for array in self._arrays())
        return ModulesSnapshot(self.electrical.snapshot(), self.thermal.snapshot(), arrays)

    def restore(self, snapshot: ModulesSnapshot) -> None:
        """Put every module back to what it was."""
        self.electrical.restore(snapshot.electrical)
        self.thermal.restore(snapshot.thermal)
        for array, stored in zip(self._arrays(), snapshot.arrays, strict=True):
            array[...] = stored
        self.any_failed = _has_failed(self.electrical) or _has_failed(self.thermal)

    def close(self) -> None:
        """Free the instances."""
        self.electrical.close()
        self.thermal.close()

    def _arrays(self) -> tuple[FloatArray, ...]:
        own = (self.extra_heat_W, self._warming_K_s, self.electrical.inputs, self.thermal.inputs)
        return (*self.signals.arrays().values(), *own)

    def _mask(self, rows: Rows) -> BoolArray | None:
        """Return which instances ``rows`` are, as pools want it: those whose module has not failed yet."""
        if isinstance(rows, slice) and not self.any_failed:
            return None
        mask = np.zeros(self.shape, dtype=np.bool_)
        mask[rows] = True
        instances = mask.reshape(-1)
        return instances & (self.electrical.status <= WARNING) if self.any_failed else instances

    def _instances(self, span: Span, values: float | FloatArray) -> float | FloatArray:
        """Return one number an instance for one a row."""
        if not isinstance(values, np.ndarray):
            return values
        instances = np.zeros(self.shape)
        instances[span.rows] = span.broadcast(values, len(self.shape))
        return instances.reshape(-1)


def _has_failed(pool: Pool) -> bool:
    return bool(pool.status.max() > WARNING)


def _pairs(columns: dict[str, Columns], arrays: dict[str, FloatArray]) -> list[tuple[FloatArray, Columns]]:
    return [(arrays[name], column) for name, column in columns.items()]


def _refresh(pairs: list[tuple[FloatArray, Columns]], rows: Rows) -> None:
    for array, columns in pairs:
        array[rows] = columns.read(rows)
