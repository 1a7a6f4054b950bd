"""What every pool of FMI instances does alike: arrays, checks of arguments, parameters, snapshots, messages.

A backend adds the calls into its FMI instances: the methods named ``_begin``, ``_advance``, ``_take``, ``_put``,
``_release``, ``_freeze``, ``_thaw``, ``_failure`` and ``_free``. All of them are entered with checked arguments.
"""

from __future__ import annotations

import math
import weakref
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import InputError, Problem
from twin.plant.backends.columns import Columns, bind, elements
from twin.plant.backends.frozen import Frozen, from_bytes
from twin.plant.fmu import Fmu
from twin.plant.pool import FloatArray, Pool, Snapshot, Status

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
_LOST = "its state went with an instance that could not be kept"


@dataclass(frozen=True)
class Setup:
    """A pool as it was asked for; names are bound and checked."""

    fmu: Fmu
    count: int
    inputs: Columns
    outputs: Columns
    threads: int
    tolerance: float | None
    stop_s: float | None


@dataclass(frozen=True)
class Failure:
    """Why an instance failed: the FMI call, or the output column that is not finite; and what the FMU logged."""

    function: str | None = None
    column: int = -1
    log: str = ""


@dataclass(frozen=True, eq=False)
class FmuSnapshot(Snapshot):
    """FMU states of a pool, with what the pool itself knew of its instances."""

    pool: FmuPool
    states: Any
    outputs: FloatArray
    status: NDArray[np.int32]
    generation: NDArray[np.int32]
    parameters: Mapping[str, FloatArray]
    messages: Mapping[int, str]


class FmuPool(Pool):
    """N instances of one FMU behind one backend."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.count = setup.count
        self.input_names = setup.inputs.names
        self.output_names = setup.outputs.names
        self.inputs = np.empty((self.count, len(self.input_names)))
        self.inputs[:] = setup.inputs.start[setup.inputs.positions]
        self.outputs = np.full((self.count, len(self.output_names)), np.nan)
        self.status = np.zeros(self.count, dtype=np.int32)
        self._generation = np.zeros(self.count, dtype=np.int32)
        self._held = (self.inputs, self.outputs, self.status)
        self._parameters: dict[str, FloatArray] = {}
        self._notes: dict[int, str] = {}
        self._finalizers: list[weakref.finalize[Any, Any]] = []
        self._time_s, self._step_s = np.zeros(1), np.zeros(1)
        self._ready = False

    def initialize(self, parameters: Mapping[str, ArrayLike], start_s: float = 0.0) -> None:
        """Set parameters and start values, then initialise every instance with ``inputs`` as they stand.

        Raises InputError on a parameter that the FMU has not, or if it does not let itself be instantiated.
        """
        self._parameters = self._columns_of(parameters, self.count)
        self._ready = True
        self._start(np.arange(self.count), start_s)

    def step(self, time_s: ArrayLike, step_s: ArrayLike, mask: Mask | None = None) -> None:
        """Step every healthy instance under ``mask``; see ``Pool.step``."""
        self._require_ready()
        chosen = None if mask is None else self._mask(mask)
        times, steps = self._series(time_s, "time_s", self._time_s), self._series(step_s, "step_s", self._step_s)
        if not _all_positive(steps if chosen is None or steps.size == 1 else steps[chosen]):
            raise ValueError("step_s is not positive everywhere")
        self._advance(times, steps, chosen)

    def snapshot(self) -> FmuSnapshot:
        """Return the state of all instances.

        Raises InputError if the FMU cannot give its state.
        """
        self._require_ready()
        self._require_capability(self.setup.fmu.keeps_state, "canGetAndSetFMUstate")
        states = self._take()
        failed = np.flatnonzero(self.status > Status.WARNING)
        taken = FmuSnapshot(
            pool=self,
            states=states,
            outputs=self.outputs.copy(),
            status=self.status.copy(),
            generation=self._generation.copy(),
            parameters={name: column.copy() for name, column in self._parameters.items()},
            messages={int(row): self.message(int(row)) for row in failed},
        )
        self._finalizers = [live for live in self._finalizers if live.alive]
        self._finalizers.append(weakref.finalize(taken, self._release, states))
        return taken

    def restore(self, snapshot: Snapshot, mask: Mask | None = None) -> None:
        """Put the instances under ``mask`` back to what they were, statuses and outputs included.

        FMI allows no call on an instance that failed fatally: it stays failed, and what replaced it fails here.
        """
        self._require_ready()
        if not isinstance(snapshot, FmuSnapshot) or snapshot.pool is not self:
            raise ValueError("the snapshot is of another pool")
        rows = (np.ones(self.count, dtype=np.bool_) if mask is None else self._mask(mask)) & (
            self.status != Status.FATAL
        )
        lost = rows & (snapshot.generation != self._generation)
        rows &= ~lost
        self._restore_arrays(snapshot, rows)
        self._put(snapshot.states, rows & (snapshot.status <= Status.WARNING))
        for row in np.flatnonzero(lost):
            self._fail(int(row), Status.ERROR, _LOST)

    def serialize(self, instance: int) -> bytes:
        """Return one instance's state as bytes that another process, and another backend, can restore.

        Raises InputError if the FMU cannot serialise its state.
        """
        row = self._row(instance)
        self._require_capability(self.setup.fmu.serializes_state, "canSerializeFMUstate")
        own = self._freeze(row) if self.status[row] <= Status.WARNING else b""
        frozen = Frozen(
            fmu=self.setup.fmu.token,
            status=Status(self.status[row]),
            message=self.message(row),
            outputs=dict(zip(self.output_names, self.outputs[row].tolist(), strict=True)),
            parameters={name: float(column[row]) for name, column in self._parameters.items()},
            own=own,
        )
        return frozen.to_bytes()

    def deserialize(self, instance: int, state: bytes) -> None:
        """Give one instance a serialised state, of itself or of another instance.

        Raises InputError if the bytes are no state of this FMU with these outputs.
        """
        row = self._row(instance)
        self._require_capability(self.setup.fmu.serializes_state, "canSerializeFMUstate")
        frozen = self._frozen(state)
        if self.status[row] == Status.FATAL:
            self._start(np.array([row]), 0.0)
        self._set_parameters(np.array([row]), {name: np.array([value]) for name, value in frozen.parameters.items()})
        self._notes.pop(row, None)
        if frozen.status > Status.WARNING:
            self._fail(row, frozen.status, frozen.message)
            return
        self.outputs[row] = list(frozen.outputs.values())
        self.status[row] = frozen.status
        self._thaw(row, frozen.own)

    def replace(self, instances: Sequence[int], parameters: Mapping[str, ArrayLike], time_s: float) -> None:
        """Put new instances in the place of old ones; a parameter that is not given has its start value again.

        Raises InputError on a parameter that the FMU has not.
        """
        rows = self._rows(instances)
        self._set_parameters(rows, self._columns_of(parameters, rows.size))
        self._start(rows, time_s)

    def reset(self, instances: Sequence[int], time_s: float) -> None:
        """Initialise instances again with the parameters that they have, at ``time_s``."""
        self._start(self._rows(instances), time_s)

    def message(self, instance: int) -> str:
        """Return why an instance is quarantined; empty for a healthy one."""
        row = self._row(instance)
        status = Status(self.status[row])
        if status <= Status.WARNING:
            return ""
        if row in self._notes:
            return self._notes[row]
        failure = self._failure(row)
        text = f"{failure.function or 'the caller'} returned {status.name.lower()}"
        if failure.column >= 0:
            text = f"output {self.output_names[failure.column]} is not finite"
        return f"{text}: {failure.log}" if failure.log else text

    def close(self) -> None:
        """Free every snapshot, every instance and the library; a closed pool can only be closed again."""
        for finalizer in self._finalizers:
            finalizer()
        self._finalizers.clear()
        self._ready = False
        self._free()

    @abstractmethod
    def _begin(self, rows: Rows, parameters: Columns, values: FloatArray, start_s: float) -> None:
        """Make fresh instances at ``rows``, set packed ``values[row, width]``, initialise; write outputs and status."""

    @abstractmethod
    def _advance(self, times_s: FloatArray, steps_s: FloatArray, mask: Mask | None) -> None:
        """Step healthy instances under the mask; times and steps have one number, or one an instance."""

    @abstractmethod
    def _take(self) -> Any:
        """Return the FMU states of healthy instances."""

    @abstractmethod
    def _put(self, states: Any, mask: Mask) -> None:
        """Set the FMU states under the mask; all of them exist."""

    @abstractmethod
    def _release(self, states: Any) -> None:
        """Free FMU states."""

    @abstractmethod
    def _freeze(self, row: int) -> bytes:
        """Return a healthy instance's serialised FMU state."""

    @abstractmethod
    def _thaw(self, row: int, state: bytes) -> None:
        """Set a serialised FMU state."""

    @abstractmethod
    def _failure(self, row: int) -> Failure:
        """Return why an instance failed."""

    @abstractmethod
    def _free(self) -> None:
        """Free all instances."""

    def _start(self, rows: Rows, time_s: float) -> None:
        self._require_ready()
        columns = bind(self.setup.fmu, tuple(self._parameters), "parameter")
        table = np.empty((rows.size, len(self._parameters)))
        for number, column in enumerate(self._parameters.values()):
            table[:, number] = column[rows]
        for row in rows:
            self._notes.pop(int(row), None)
        self._begin(rows, columns, columns.packed(table), float(time_s))
        self._require_instances(rows)

    def _require_instances(self, rows: Rows) -> None:
        """Raise InputError if the FMU refused to make an instance, which no parameter can be the reason of."""
        for row in rows[self.status[rows] == Status.FATAL]:
            if (self._failure(int(row)).function or "").startswith(("fmi2Instantiate", "fmi3Instantiate")):
                raise InputError(Problem(self.message(int(row)), str(self.setup.fmu.path)))

    def _columns_of(self, parameters: Mapping[str, ArrayLike], rows: int) -> dict[str, FloatArray]:
        """Return parameters as one array ``[rows]`` a scalar; raise InputError with all that the FMU has not."""
        fmu = self.setup.fmu
        problems: list[Problem] = []
        columns: dict[str, FloatArray] = {}
        for name, value in parameters.items():
            scalars = elements(fmu, name)
            try:
                bind(fmu, scalars, "parameter")
            except InputError as error:
                problems += error.problems
                continue
            values = _broadcast(name, value, rows, len(scalars), array=scalars != (name,))
            if not np.isfinite(values).all():
                problems.append(Problem(f"parameter {name!r} is not finite everywhere", str(fmu.path)))
            columns.update({scalar: values[:, number].copy() for number, scalar in enumerate(scalars)})
        if problems:
            raise InputError(problems)
        return columns

    def _set_parameters(self, rows: Rows, given: Mapping[str, FloatArray]) -> None:
        """Set the parameters of ``rows`` in the table: as given, else as the description says."""
        for name in dict.fromkeys((*self._parameters, *given)):
            start = self._default(name)
            column = self._parameters.setdefault(name, np.full(self.count, start))
            column[rows] = given.get(name, start)

    def _default(self, name: str) -> float:
        columns = bind(self.setup.fmu, (name,), "parameter")
        return float(columns.start[columns.positions[0]])

    def _restore_arrays(self, snapshot: FmuSnapshot, rows: Mask) -> None:
        self.outputs[rows] = snapshot.outputs[rows]
        self.status[rows] = snapshot.status[rows]
        chosen = np.flatnonzero(rows)
        self._set_parameters(chosen, {name: column[chosen] for name, column in snapshot.parameters.items()})
        for row in chosen.tolist():
            self._notes.pop(row, None)
            if row in snapshot.messages:
                self._notes[row] = snapshot.messages[row]

    def _fail(self, row: int, status: Status, message: str) -> None:
        self.status[row] = status
        self.outputs[row] = np.nan
        self._notes[row] = message

    def _frozen(self, state: bytes) -> Frozen:
        fmu = self.setup.fmu
        try:
            frozen = from_bytes(state)
            bind(fmu, tuple(frozen.parameters), "parameter")
        except ValueError as error:
            raise InputError(Problem(str(error), str(fmu.path))) from None
        if (frozen.fmu, tuple(frozen.outputs)) != (fmu.token, self.output_names):
            message = f"a state of FMU {frozen.fmu} with outputs {list(frozen.outputs)}; "
            message += f"expected FMU {fmu.token} with outputs {list(self.output_names)}"
            raise InputError(Problem(message, str(fmu.path)))
        return frozen

    def _require_ready(self) -> None:
        if not self._ready:
            raise ValueError("the pool is not initialised, or closed")
        if self.inputs is not self._held[0] or self.outputs is not self._held[1] or self.status is not self._held[2]:
            raise ValueError("an array of the pool was bound anew; write into it instead: pool.inputs[...] = values")

    def _require_capability(self, there: bool, flag: str) -> None:
        if not there:
            raise InputError(Problem(f"cannot do this: its description does not say {flag}", str(self.setup.fmu.path)))

    def _row(self, instance: int) -> int:
        if not 0 <= instance < self.count:
            raise ValueError(f"instance {instance} of a pool of {self.count}")
        self._require_ready()
        return int(instance)

    def _rows(self, instances: Sequence[int]) -> Rows:
        self._require_ready()
        rows = np.asarray(instances, dtype=np.int64)
        if rows.ndim != 1 or np.unique(rows).size != rows.size:
            raise ValueError("instances are a list of different numbers")
        if rows.size and not (rows.min() >= 0 and rows.max() < self.count):
            raise ValueError(f"instances {rows.tolist()} of a pool of {self.count}")
        return rows

    def _mask(self, mask: Mask) -> Mask:
        chosen = np.ascontiguousarray(mask)
        if chosen.dtype != np.bool_ or chosen.shape != (self.count,):
            raise ValueError(f"mask is {chosen.dtype}{list(chosen.shape)}; expected bool[{self.count}]")
        return chosen

    def _series(self, values: ArrayLike, name: str, scalar: FloatArray) -> FloatArray:
        """Return one number in ``scalar``, which spares a tick the making of arrays, or one number an instance."""
        if isinstance(values, float | int):
            if not math.isfinite(values):
                raise ValueError(f"{name} is not finite")
            scalar[0] = values
            return scalar
        series = np.ascontiguousarray(values, dtype=np.float64).reshape(-1)
        if series.size != 1 and series.shape != (self.count,):
            raise ValueError(
                f"{name} has {series.size} numbers; expected one, or one for each of {self.count} instances"
            )
        if not np.isfinite(series).all():
            raise ValueError(f"{name} is not finite everywhere")
        return series


def _all_positive(values: FloatArray) -> bool:
    return values.item() > 0.0 if values.size == 1 else bool((values > 0.0).all())


def _broadcast(name: str, value: ArrayLike, rows: int, size: int, *, array: bool) -> FloatArray:
    """Return a parameter's value as ``[rows, size]``."""
    values = np.asarray(value, dtype=np.float64)
    wanted = f"[{size}] or [{rows}, {size}]" if array else f"a number or [{rows}]"
    if values.ndim == 1 and not array:
        values = values[:, np.newaxis]
    if values.shape not in {(), (size,), (rows, 1), (rows, size)} or (
        values.shape == (rows, 1) and array and size != 1
    ):
        raise ValueError(f"parameter {name!r} has the shape {list(np.shape(value))}; expected {wanted}")
    return np.broadcast_to(values, (rows, size))
