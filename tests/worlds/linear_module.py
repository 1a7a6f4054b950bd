"""A module so simple that its plant can be worked out by hand: linear OCV, a resistance that falls with temperature.

Both pools keep the promise of ``twin.plant.pool.Pool`` in NumPy. A NaN contact resistance makes an instance fail.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.plant.coupling import ELECTRICAL, THERMAL, CoupledModules
from twin.plant.dc_bus import Link
from twin.plant.inverter import Inverter
from twin.plant.packs import Connection
from twin.plant.plant import BusOptions, Plant, Wiring
from twin.plant.pool import FloatArray, Pool, Snapshot, Status
from twin.plant.ports import Columns, Port, Ports, Signal
from twin.plant.switchgear import AT_ONCE, Movement

CELLS = 16
CAPACITY_AH = 100.0
OCV_EMPTY_V, OCV_SLOPE_V = 3.0, 0.5
VOLT_PER_AS = OCV_SLOPE_V / (3600.0 * CAPACITY_AH)
CELL_OHM, OHM_PER_KELVIN = 1e-3, -1e-5
REFERENCE_K = 298.15
HEAT_CAPACITY_J_K, CONDUCTANCE_W_K = 5000.0, 0.5
LINK = Link(capacitance_F=0.01, precharge_ohm=50.0, discharge_ohm=1000.0)
LINK_OHM = 0.002


@dataclass(frozen=True)
class State(Snapshot):
    """Copies of a pool's arrays."""

    outputs: FloatArray
    status: NDArray[np.int32]
    state: FloatArray


class LinearPool(Pool):
    """What both pools share: state, columns by signal, statuses."""

    def __init__(self, ports: Ports, count: int) -> None:
        self.count = count
        self.input_names, self.output_names = ports.input_names, ports.output_names
        self.inputs = np.zeros((count, len(self.input_names)))
        self.outputs = np.zeros((count, len(self.output_names)))
        self.status = np.zeros(count, dtype=np.int32)
        self.state = np.zeros((count, CELLS))
        self.steps = np.zeros(count, dtype=np.int64)
        self.given: dict[str, Columns] = ports.input_columns(self.inputs, (count,))
        self.told: dict[str, Columns] = ports.output_columns(self.outputs, (count,))

    def input(self, name: str) -> FloatArray:
        return self.given[name].array

    def initialize(self, parameters: Mapping[str, ArrayLike], start_s: float = 0.0) -> None:
        if isinstance(self, LinearThermal):
            self.state[:] = np.asarray(parameters["temperature_start_K"])[:, None]
        else:
            self.state[:] = np.stack([np.asarray(parameters[f"soc_start[{k + 1}]"]) for k in range(CELLS)], axis=1)
        self.move(np.zeros(self.count), np.zeros(self.count, dtype=np.bool_))

    def step(self, time_s: ArrayLike, step_s: ArrayLike, mask: NDArray[np.bool_] | None = None) -> None:
        healthy = self.status <= Status.WARNING
        active = healthy if mask is None else mask & healthy
        self.steps += active
        self.move(np.broadcast_to(np.asarray(step_s, dtype=np.float64), self.count), active)

    @abstractmethod
    def move(self, step_s: FloatArray, active: NDArray[np.bool_]) -> None:
        """Advance the active instances and refresh the outputs."""

    def message(self, instance: int) -> str:
        return f"instance {instance} met a resistance that is no number"

    def snapshot(self) -> State:
        return State(self.outputs.copy(), self.status.copy(), self.state.copy())

    def restore(self, snapshot: Snapshot, mask: NDArray[np.bool_] | None = None) -> None:
        assert isinstance(snapshot, State)
        self.outputs[:], self.status[:], self.state[:] = snapshot.outputs, snapshot.status, snapshot.state

    def serialize(self, instance: int) -> bytes:
        return self.state[instance].tobytes()

    def deserialize(self, instance: int, state: bytes) -> None:
        self.state[instance] = np.frombuffer(state)

    def replace(self, instances: Sequence[int], parameters: Mapping[str, ArrayLike], time_s: float) -> None:
        raise NotImplementedError

    def reset(self, instances: Sequence[int], time_s: float) -> None:
        raise NotImplementedError

    def close(self) -> None:
        pass


class LinearElectrical(LinearPool):
    """Cells in series: OCV linear in SOC, resistance linear in temperature, no RC branch."""

    def move(self, step_s: FloatArray, active: NDArray[np.bool_]) -> None:
        current_A = self.input("current_A")[:, None]
        cell_ohm = CELL_OHM + OHM_PER_KELVIN * (self.input("temperature_K") - REFERENCE_K) + self.input("contact_ohm")
        bad = active & np.isnan(cell_ohm).any(axis=1)
        self.status[bad] = Status.ERROR
        discharge_A = current_A + self.input("balancing_current_A")
        moved = np.where(active[:, None], step_s[:, None] * discharge_A / (3600.0 * CAPACITY_AH), 0.0)
        self.state -= moved
        ocv_V = OCV_EMPTY_V + OCV_SLOPE_V * self.state
        cell_V = ocv_V - cell_ohm * current_A
        heat_W = cell_ohm * current_A**2
        heat_J = self.told["heat_J"].array + np.where(active[:, None], heat_W * step_s[:, None], 0.0)
        board_J = self.told["board_heat_J"].array + np.where(
            active, 3.0 * self.input("bleed").sum(axis=1) * step_s, 0.0
        )
        values = {
            "voltage_V": cell_V.sum(axis=1),
            "cell_voltage_V": cell_V,
            "soc": self.state,
            "heat_J": heat_J,
            "board_heat_J": board_J,
            "emf_V": ocv_V.sum(axis=1),
            "resistance_ohm": cell_ohm.sum(axis=1),
            "emf_slope_V_s": -VOLT_PER_AS * self.input("balancing_current_A").sum(axis=1),
            "elastance_V_As": np.full(self.count, CELLS * VOLT_PER_AS),
        }
        for name, value in values.items():
            self.told[name].write(..., value)
        self.outputs[bad] = np.nan


class LinearThermal(LinearPool):
    """Cells that each lose heat to the ambient alone; the housing warms by 1 mK a joule of the board."""

    def move(self, step_s: FloatArray, active: NDArray[np.bool_]) -> None:
        target_K = self.input("ambient_K")[:, None] + self.input("heat_W") / CONDUCTANCE_W_K
        kept = np.exp(-step_s * CONDUCTANCE_W_K / HEAT_CAPACITY_J_K)[:, None]
        self.state[:] = np.where(active[:, None], target_K + (self.state - target_K) * kept, self.state)
        housing_K = self.told["housing_K"].array + np.where(active, 1e-3 * self.input("board_heat_W") * step_s, 0.0)
        self.told["temperature_K"].write(..., self.state)
        self.told["housing_K"].write(..., housing_K)


def ports(inputs: Sequence[Signal], outputs: Sequence[Signal]) -> Ports:
    """Return ports whose variables are named as the signals are."""

    def each(signals: Sequence[Signal]) -> tuple[Port, ...]:
        return tuple(Port(signal.name, signal.name, CELLS if signal.per_cell else 1) for signal in signals)

    parameters = tuple(signal for signal in ELECTRICAL.parameters if signal.name == "soc_start") + THERMAL.parameters
    return Ports(each(inputs), each(outputs), each(parameters))


def linear_plant(
    sites: int = 1,
    packs: int = 1,
    modules: int = 1,
    *,
    soc: ArrayLike = 0.5,
    substeps: int = 64,
    inrush_limit_A: float = 500.0,
    connection: Connection = "parallel",
    bypass: bool = False,
    movement: Movement = AT_ONCE,
    link_ohm: ArrayLike = LINK_OHM,
    in_operation: bool = True,
) -> Plant:
    """Return a plant of linear modules; ``soc[site, slot, cell]``, or broadcast to it."""
    wiring = Wiring(sites, packs, modules, CELLS, connection)
    shape = sites, packs, modules
    electrical, thermal = ports(ELECTRICAL.inputs, ELECTRICAL.outputs), ports(THERMAL.inputs, THERMAL.outputs)
    count = sites * wiring.slots
    coupled = CoupledModules(
        LinearElectrical(electrical, count), electrical, LinearThermal(thermal, count), thermal, shape, CELLS
    )
    start = np.broadcast_to(np.asarray(soc, dtype=np.float64), (sites, wiring.slots, CELLS)).copy()
    coupled.initialize({"soc_start": start}, np.full(shape, REFERENCE_K), 0.0)
    links_ohm = np.broadcast_to(np.asarray(link_ohm, dtype=np.float64), (sites, wiring.slots))
    bus = BusOptions(LINK, links_ohm, inrush_limit_A, substeps, bypass, movement)
    plant = Plant(wiring, coupled, Inverter(sites, 8000.0), bus)
    plant.ambient_K[:] = REFERENCE_K
    if in_operation:
        plant.close_contactors()
    return plant
