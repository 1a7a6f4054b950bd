"""Any FMU as the firmware of a role: its inputs are what the ECU may read, its outputs what it commands and sends.

At an activation the FMU is given what the ECU reads now, and stepped from the activation before to this one, so that
what it puts out answers what it has just read. Its time starts with 0 at the first activation after power-on; there it
is initialised, and not stepped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.bms.firmware.firmware import Firmware, FloatArray, Inputs, IntArray, Outputs, Reach, Signals
from twin.bms.firmware.fmu_signals import AGE, NEVER_S, SET_UP, Place, interface
from twin.bms.options import Bms
from twin.plant.action import Actuator
from twin.plant.assembly import open_instances, ports_file
from twin.plant.options import Plant as PlantOptions
from twin.plant.pool import Pool, Status
from twin.plant.ports import Ports

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class FmuState:
    """What is known of the FMUs, ``[row]``; their own state stays in the pool."""

    instance: IntArray
    """Of the pool."""
    begun_ns: IntArray
    """The first activation after power-on, -1 before it."""
    stepped_ns: IntArray
    """The last activation."""
    activation: IntArray
    running: BoolArray
    """False once the FMU has failed."""


class FmuFirmware(Firmware[FmuState]):
    """An FMU in the place of a role's ``own`` firmware; ``options`` say how FMUs are built and stepped.

    ``step`` is a pure function of its arguments but for the FMUs, which cannot be copied in and out at every
    activation: they stay in a pool that the first ``initial`` opens, an instance for each ECU, and ``close`` frees. An
    ECU finds its instance by the number ``memory["ecu"]`` that it was given at its first power-on; when it is switched
    on again, its instance begins anew. An ECU whose FMU fails is silent until then.
    """

    def __init__(self, name: str, own: Firmware[Any], place: Place, bms: Bms, options: PlantOptions) -> None:
        """Read the ports file; nothing is built or opened.

        Raises InputError with every mistake in it, and if there is no such FMU or file.
        """
        self._name, self._options = name, options
        self._ports = Ports.read(ports_file(name), interface(own, place), place.site.module.cells)
        self._set_up = {name: float(getattr(bms, name)) for name in SET_UP}
        heard = [_frame(port.signal) for port in self._ports.inputs]
        sent = [_frame(port.signal) for port in self._ports.outputs]
        self.role, self.scope, self.version = own.role, own.scope, _called(name)  # type: ignore[misc]
        self.reads, self.sends = _kinds(heard), _kinds(sent)  # type: ignore[misc] # of this object, not of its class
        given = {port.signal for port in self._ports.outputs}
        self.commands: Mapping[Actuator, Reach] = {k: v for k, v in own.commands.items() if k in given}
        self.believes: Mapping[str, Reach] = dict(own.believes)
        self._pool: Pool | None = None

    def initial(self, rows: int, memory: Signals) -> FmuState:
        """Return FMUs that begin at their next activation; the first call opens one for each row.

        Raises InputError if the FMU cannot be built or loaded, or has not what its ports file names.
        """
        instance = memory["ecu"].astype(np.int64) if "ecu" in memory else np.arange(rows)
        if self._pool is None:
            self._open(rows, memory)
        elif "soc" in memory and "soc" in self._parameters:
            self._parameters["soc"][instance] = memory["soc"]
        never = np.full(rows, -1, np.int64)
        return FmuState(instance, never, never.copy(), np.zeros(rows, np.int64), np.zeros(rows, np.bool_))

    def memory(self, state: FmuState) -> Signals:
        """Return which ECU each is."""
        return {"ecu": state.instance.astype(np.float64)}

    def migrate(self, old: Any, rows: int, memory: Signals) -> FmuState:  # noqa: ARG002 - no FMU reads another's state
        """Return FMUs that begin at their next activation: what is inside another FMU, nobody knows."""
        return self.initial(rows, memory)

    def step(self, state: FmuState, inputs: Inputs) -> tuple[FmuState, Outputs]:
        """Step the FMUs to now, and return what they put out; of those that have failed, nothing."""
        pool, instance, begins = self._opened, state.instance, state.begun_ns < 0
        activation = state.activation + 1
        for signal, columns in self._inputs.items():
            columns.write(instance, self._read(signal, inputs, activation).reshape(-1, *columns.array.shape[1:]))
        if begins.any():
            self._begin(instance[begins])
        if not begins.all():
            self._advance(state, inputs.time_ns, ~begins)
        running = pool.status[instance] <= Status.WARNING
        begun_ns = np.where(begins, inputs.time_ns, state.begun_ns)
        after = FmuState(instance, begun_ns, inputs.time_ns, activation, running)
        fallen = np.flatnonzero((state.running | begins) & ~running).tolist()
        return after, self._outputs_of(instance, running, [(row, pool.message(int(instance[row]))) for row in fallen])

    def close(self) -> None:
        """Free the FMUs."""
        if self._pool is not None:
            self._pool.close()

    def _open(self, rows: int, memory: Signals) -> None:
        self._pool = open_instances(self._name, self._ports, self._options, rows)
        known = {name: np.full(rows, value) for name, value in self._set_up.items()}
        known |= {name: values.copy() for name, values in memory.items() if name == "soc"}
        self._parameters = {port.signal: known[port.signal] for port in self._ports.parameters}
        self._inputs = self._ports.input_columns(self._pool.inputs, (rows,))
        self._outputs = self._ports.output_columns(self._pool.outputs, (rows,))
        self._pool.initialize(self._ports.parameter_values(self._parameters, rows))

    @property
    def _opened(self) -> Pool:
        if self._pool is None:
            raise ValueError("no ECU has been switched on")
        return self._pool

    def _begin(self, instance: IntArray) -> None:
        """Put new instances, initialised with the inputs as they stand, in the place of old ones."""
        own = {name: values[instance] for name, values in self._parameters.items()}
        self._opened.replace(instance.tolist(), self._ports.parameter_values(own, instance.size), 0.0)

    def _advance(self, state: FmuState, time_ns: IntArray, which: BoolArray) -> None:
        pool, stepped = self._opened, state.instance[which]
        time_s, step_s, mask = np.zeros(pool.count), np.zeros(pool.count), np.zeros(pool.count, np.bool_)
        time_s[stepped] = (state.stepped_ns - state.begun_ns)[which] * 1e-9
        step_s[stepped] = (time_ns - state.stepped_ns)[which] * 1e-9
        mask[stepped] = True
        pool.step(time_s, step_s, mask)

    def _read(self, signal: str, inputs: Inputs, activation: IntArray) -> FloatArray:
        """Return what an input of the FMU is now, ``[row, ...]``; 0 where it is not known, as before a first frame."""
        kind, name = _frame(signal)
        if not kind:
            values = {"activation": activation, "slot": inputs.slot}.get(name)
            return np.nan_to_num(inputs.sensed[name] if values is None else values)
        received = inputs.received[kind]
        if name != AGE:
            return np.nan_to_num(received[name])
        now_ns = inputs.time_ns.reshape(-1, *(1,) * (received.time_ns.ndim - 1))
        return np.where(received.time_ns >= 0, (now_ns - received.time_ns) * 1e-9, NEVER_S)

    def _outputs_of(self, instance: IntArray, running: BoolArray, crashed: Sequence[tuple[int, str]]) -> Outputs:
        """Return what those put out that run."""
        alive = instance[running]
        values = {signal: np.array(columns.read(alive)) for signal, columns in self._outputs.items()}
        frames: dict[str, dict[str | tuple[str, ...], Any]] = {kind: {} for kind in self.sends}
        for signal, sent in values.items():
            kind, name = _frame(signal)
            if kind:
                frames[kind][name] = sent
        return Outputs(
            frames,
            {name: values[name].reshape(-1, *reach.shape) for name, reach in self.commands.items()},
            None,
            {name: values[name].reshape(-1, *reach.shape) for name, reach in self.believes.items()},
            None if running.all() else np.flatnonzero(running),
            tuple(crashed),
        )


def _frame(signal: str) -> tuple[str, str]:
    """Return the message of a signal, empty where it is of none, and the signal's own name."""
    kind, _, name = signal.rpartition(".")
    return kind, name


def _kinds(signals: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(kind for kind, _ in signals if kind))


def _called(name: str) -> str:
    """Return what an FMU is called, wherever it lies: a run's folder gives copies a longer name."""
    return Path(name).stem
