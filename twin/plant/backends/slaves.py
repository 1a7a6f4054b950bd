"""A pool of Python objects, one an instance: the plain Python twin of the native loop, and so its judge.

``twin/native/pool.cpp`` and this file say the same in two languages; whoever changes one changes both.
"""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from twin.plant.backends.columns import Columns
from twin.plant.backends.fmu_pool import Failure, FmuPool, Mask, Rows, Setup
from twin.plant.pool import FloatArray, Status


class CallFailed(Exception):  # noqa: N818 (what it says is that a call failed)
    """An FMI call returned more than a warning; statuses that FMI 2.0 and 3.0 do not share are errors.

    ``log`` is what was logged where no instance is left to ask.
    """

    def __init__(self, function: str, status: int, log: str = "") -> None:
        super().__init__(function, status, log)
        self.function = function
        self.log = log
        self.status = Status(status) if Status.WARNING < status <= Status.FATAL else Status.ERROR


@dataclass(frozen=True)
class Experiment:
    """What an FMU is told before it is initialised."""

    start_s: float
    tolerance: float | None
    stop_s: float | None


class Slave(ABC):
    """One FMI instance. Every call returns OK or WARNING, or raises CallFailed."""

    log: str = ""
    """The last message of weight that the instance logged."""

    @abstractmethod
    def enter(self, experiment: Experiment, parameters: Columns, values: FloatArray) -> int:
        """Set parameters and enter Initialization Mode."""

    @abstractmethod
    def exit(self) -> int:
        """Leave Initialization Mode."""

    @abstractmethod
    def reset(self) -> int:
        """Go back to what a new instance is."""

    @abstractmethod
    def set(self, columns: Columns, values: FloatArray) -> int:
        """Set packed values."""

    @abstractmethod
    def get(self, columns: Columns, values: FloatArray) -> int:
        """Read packed values into an array."""

    @abstractmethod
    def step(self, time_s: float, step_s: float) -> int:
        """Do a step."""

    @abstractmethod
    def get_state(self) -> Any:
        """Return the FMU state."""

    @abstractmethod
    def set_state(self, state: Any) -> int:
        """Set an FMU state."""

    @abstractmethod
    def free_state(self, state: Any) -> None:
        """Free an FMU state."""

    @abstractmethod
    def serialize(self, state: Any) -> bytes:
        """Return an FMU state as bytes."""

    @abstractmethod
    def deserialize(self, state: bytes) -> Any:
        """Return the FMU state of bytes."""

    @abstractmethod
    def free(self) -> None:
        """Free the instance."""


@dataclass(frozen=True)
class _States:
    generation: Any
    states: list[Any]


class SlavePool(FmuPool):
    """Steps its instances one after the other, in Python."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._slaves: list[Slave | None] = [None] * setup.count
        self._failures: dict[int, Failure] = {}
        self._finalizer = weakref.finalize(self, _free_all, self._slaves, self.status)

    @abstractmethod
    def _instantiate(self, name: str) -> Slave:
        """Return a new instance, or raise CallFailed."""

    def _begin(self, rows: Rows, parameters: Columns, values: FloatArray, start_s: float) -> None:
        experiment = Experiment(start_s, self.setup.tolerance, self.setup.stop_s)
        for row, packed in zip(rows.tolist(), values, strict=True):
            self._attempt(row, partial(self._initialize, row, experiment, parameters, packed))

    def _initialize(self, row: int, experiment: Experiment, parameters: Columns, values: FloatArray) -> int:
        slave = self._renew(row)
        status = slave.enter(experiment, parameters, values)
        status = max(status, slave.set(self.setup.inputs, self.setup.inputs.packed(self.inputs[row])))
        return max(status, slave.exit())

    def _renew(self, row: int) -> Slave:
        """Leave a fresh instance at the row: reset where that works, which keeps states alive, else a new one."""
        slave = self._slaves[row] if self.status[row] != Status.FATAL else None
        self.status[row] = Status.OK
        if slave is not None and _reset(slave):
            return slave
        self._slaves[row] = None
        self._generation[row] += 1
        fresh = self._slaves[row] = self._instantiate(f"{self.setup.fmu.identifier}_{row}")
        return fresh

    def _advance(self, times_s: FloatArray, steps_s: FloatArray, mask: Mask | None) -> None:
        for row in np.flatnonzero(self.status <= Status.WARNING).tolist():
            if mask is None or mask[row]:
                time_s, step_s = (float(series[row if series.size > 1 else 0]) for series in (times_s, steps_s))
                self._attempt(row, partial(self._step_one, row, time_s, step_s))

    def _step_one(self, row: int, time_s: float, step_s: float) -> int:
        slave = self._slave(row)
        status = slave.set(self.setup.inputs, self.setup.inputs.packed(self.inputs[row]))
        return max(status, slave.step(time_s, step_s))

    def _attempt(self, row: int, work: Callable[[], int]) -> None:
        """Do ``work``, read the outputs of an instance that did well, and note how it did."""
        outputs = self.setup.outputs
        packed = np.empty(outputs.start.size)
        try:
            status = work()
            status = max(status, self._slave(row).get(outputs, packed))
        except CallFailed as failed:
            self._quarantine(row, failed.status, Failure(failed.function, log=failed.log))
            return
        values = packed[outputs.positions]
        odd = np.flatnonzero(~np.isfinite(values))
        if odd.size:
            self._quarantine(row, Status.NOT_FINITE, Failure(column=int(odd[0])))
            return
        self.outputs[row] = values
        self.status[row] = status

    def _take(self) -> _States:
        states: list[Any] = [None] * self.count
        for row in np.flatnonzero(self.status <= Status.WARNING).tolist():
            try:
                states[row] = self._slave(row).get_state()
            except CallFailed as failed:
                self._quarantine(row, failed.status, Failure(failed.function))
        return _States(self._generation.copy(), states)

    def _put(self, states: _States, mask: Mask) -> None:
        for row in np.flatnonzero(mask).tolist():
            try:
                self._slave(row).set_state(states.states[row])
            except CallFailed as failed:
                self._quarantine(row, failed.status, Failure(failed.function))

    def _release(self, states: _States) -> None:
        for row, state in enumerate(states.states):
            slave = self._slaves[row]
            alive = states.generation[row] == self._generation[row] and self.status[row] != Status.FATAL
            if slave is not None and state is not None and alive:
                slave.free_state(state)
        states.states.clear()

    def _freeze(self, row: int) -> bytes:
        slave = self._slave(row)
        try:
            state = slave.get_state()
            frozen = slave.serialize(state)
            slave.free_state(state)
        except CallFailed as failed:
            self._quarantine(row, failed.status, Failure(failed.function))
            return b""
        return frozen

    def _thaw(self, row: int, state: bytes) -> None:
        slave = self._slave(row)
        try:
            own = slave.deserialize(state)
            slave.set_state(own)
            slave.free_state(own)
        except CallFailed as failed:
            self._quarantine(row, failed.status, Failure(failed.function))

    def _failure(self, row: int) -> Failure:
        failure = self._failures.get(row, Failure())
        slave = self._slaves[row]
        return Failure(failure.function, failure.column, slave.log if slave is not None else failure.log)

    def _free(self) -> None:
        self._finalizer()

    def _slave(self, row: int) -> Slave:
        slave = self._slaves[row]
        assert slave is not None  # of a row that is healthy
        return slave

    def _quarantine(self, row: int, status: Status, failure: Failure) -> None:
        self.outputs[row] = np.nan
        self.status[row] = status
        self._failures[row] = failure


def _reset(slave: Slave) -> bool:
    """Reset an instance, or free it and return False where FMI allows that."""
    try:
        slave.reset()
    except CallFailed as failed:
        if failed.status != Status.FATAL:
            slave.free()
        return False
    slave.log = ""
    return True


def _free_all(slaves: list[Slave | None], status: Any) -> None:
    """Free what FMI allows to free: after a fatal error it allows nothing."""
    for row, slave in enumerate(slaves):
        if slave is not None and status[row] != Status.FATAL:
            slave.free()
    slaves.clear()
