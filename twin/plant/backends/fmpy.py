"""The FMPy pool: FMPy's slave of FMI 2.0 or 3.0 for every instance. It judges the native pool."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from ctypes import POINTER, byref, c_bool, c_double, c_uint, c_void_p
from typing import Any

from fmpy import calloc, free
from fmpy.fmi1 import FMICallException, printLogMessage
from fmpy.fmi2 import (
    FMU2Slave,
    fmi2CallbackAllocateMemoryTYPE,
    fmi2CallbackFreeMemoryTYPE,
    fmi2CallbackFunctions,
    fmi2CallbackLoggerTYPE,
)
from fmpy.fmi3 import FMU3Slave
from fmpy.logging import addLoggerProxy

from twin.errors import InputError, Problem
from twin.plant.backends.columns import Columns
from twin.plant.backends.fmu_pool import Setup
from twin.plant.backends.slaves import CallFailed, Experiment, Slave, SlavePool
from twin.plant.fmu import Fmu
from twin.plant.pool import FloatArray, Status

_LOG_LIMIT = 1999


class FmpyPool(SlavePool):
    """Steps its instances through FMPy; ``threads`` is of no use to it."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        slave = FMU2Slave if setup.fmu.version == "2.0" else FMU3Slave
        try:
            self._api: Any = slave(
                guid=setup.fmu.token,
                modelIdentifier=setup.fmu.identifier,
                unzipDirectory=str(setup.fmu.folder),
                instanceName=setup.fmu.identifier,
            )
        except AttributeError as error:  # FMPy wants all of FMI's functions, the native pool those that it calls
            raise InputError(Problem(f"missing symbol: {error}", str(setup.fmu.path))) from None

    def _instantiate(self, name: str) -> Slave:
        kind = _Slave2 if self.setup.fmu.version == "2.0" else _Slave3
        return kind(self._api, self.setup.fmu, name)

    def _free(self) -> None:
        super()._free()
        if self._api is not None:
            self._api.freeLibrary()
            self._api = None


class _FmpySlave(Slave):
    """What both versions share; ``_api`` holds the functions, ``_component`` is the instance."""

    def __init__(self, api: Any, fmu: Fmu) -> None:
        self._api = api
        self._component: Any = None
        self._categories = [] if fmu.log_categories is None else list(fmu.log_categories)

    def _call(self, function: Callable[..., Any], *arguments: Any) -> int:
        try:
            return int(function(self._component, *arguments))
        except FMICallException as error:
            raise CallFailed(error.function, error.status) from None

    def _instantiated(self, function: str, **arguments: Any) -> None:
        try:
            self._api.instantiate(**arguments)
        except Exception:  # FMPy raises a bare Exception
            raise CallFailed(function, Status.FATAL, self.log) from None
        self._component = self._api.component
        if self._categories:
            with contextlib.suppress(FMICallException):
                self._api.setDebugLogging(True, self._categories)

    def _own(self) -> Any:
        """Return FMPy's slave as this instance."""
        self._api.component = self._component
        return self._api

    def get_state(self) -> Any:
        return self._guard(lambda: self._own().getFMUState())

    def set_state(self, state: Any) -> int:
        self._guard(lambda: self._own().setFMUState(state))
        return Status.OK

    def free_state(self, state: Any) -> None:
        self._guard(lambda: self._own().freeFMUState(state))

    def serialize(self, state: Any) -> bytes:
        return bytes(self._guard(lambda: self._own().serializeFMUState(state)))

    def deserialize(self, state: bytes) -> Any:
        return self._guard(lambda: self._own().deserializeFMUState(state))

    def _guard(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except FMICallException as error:
            raise CallFailed(error.function, error.status) from None

    def _note(self, status: int, message: bytes) -> None:
        if status > Status.OK:
            self.log = message[:_LOG_LIMIT].decode(errors="replace")


class _Slave2(_FmpySlave):
    """An FMI 2.0 instance."""

    def __init__(self, api: FMU2Slave, fmu: Fmu, name: str) -> None:
        super().__init__(api, fmu)
        self._token = next(_tokens)
        _slaves[self._token] = self
        self._callbacks = fmi2CallbackFunctions.from_buffer_copy(_callbacks)
        self._callbacks.componentEnvironment = self._token
        api.instanceName = name
        self._instantiated("fmi2Instantiate", callbacks=self._callbacks)

    def enter(self, experiment: Experiment, parameters: Columns, values: FloatArray) -> int:
        tolerance, stop_s = experiment.tolerance, experiment.stop_s
        arguments = (tolerance is not None, tolerance or 0.0, experiment.start_s, stop_s is not None, stop_s or 0.0)
        status = self._call(self._api.fmi2SetupExperiment, *arguments)
        status = max(status, self.set(parameters, values))
        return max(status, self._call(self._api.fmi2EnterInitializationMode))

    def exit(self) -> int:
        return self._call(self._api.fmi2ExitInitializationMode)

    def reset(self) -> int:
        return self._call(self._api.fmi2Reset)

    def set(self, columns: Columns, values: FloatArray) -> int:
        return self._transfer(self._api.fmi2SetReal, columns, values)

    def get(self, columns: Columns, values: FloatArray) -> int:
        return self._transfer(self._api.fmi2GetReal, columns, values)

    def step(self, time_s: float, step_s: float) -> int:
        return self._call(self._api.fmi2DoStep, time_s, step_s, False)

    def free(self) -> None:
        self._api.fmi2FreeInstance(self._component)
        _slaves.pop(self._token)

    def _transfer(self, function: Callable[..., int], columns: Columns, values: FloatArray) -> int:
        count = columns.references.size
        if not count:
            return Status.OK
        return self._call(function, _pointer(columns.references, c_uint), count, _pointer(values, c_double))


class _Slave3(_FmpySlave):
    """An FMI 3.0 instance."""

    def __init__(self, api: FMU3Slave, fmu: Fmu, name: str) -> None:
        super().__init__(api, fmu)
        api.instanceName = name
        self._instantiated("fmi3InstantiateCoSimulation", logMessage=self._write)
        self._callback = api.logMessage  # FMPy keeps only that of the last instance

    def enter(self, experiment: Experiment, parameters: Columns, values: FloatArray) -> int:
        status = self.set(parameters, values)
        tolerance, stop_s = experiment.tolerance, experiment.stop_s
        arguments = (tolerance is not None, tolerance or 0.0, experiment.start_s, stop_s is not None, stop_s or 0.0)
        return max(status, self._call(self._api.fmi3EnterInitializationMode, *arguments))

    def exit(self) -> int:
        return self._call(self._api.fmi3ExitInitializationMode)

    def reset(self) -> int:
        return self._call(self._api.fmi3Reset)

    def set(self, columns: Columns, values: FloatArray) -> int:
        return self._transfer(self._api.fmi3SetFloat64, columns, values)

    def get(self, columns: Columns, values: FloatArray) -> int:
        return self._transfer(self._api.fmi3GetFloat64, columns, values)

    def step(self, time_s: float, step_s: float) -> int:
        event, terminate, early, last_s = c_bool(), c_bool(), c_bool(), c_double()
        results = (byref(event), byref(terminate), byref(early), byref(last_s))
        status = self._call(self._api.fmi3DoStep, time_s, step_s, False, *results)
        if terminate.value:
            raise CallFailed("fmi3DoStep", Status.DISCARD)
        return status

    def free(self) -> None:
        self._api.fmi3FreeInstance(self._component)

    def _transfer(self, function: Callable[..., int], columns: Columns, values: FloatArray) -> int:
        count = columns.references.size
        if not count:
            return Status.OK
        references, numbers = _pointer(columns.references, c_uint), _pointer(values, c_double)
        return self._call(function, references, count, numbers, columns.start.size)

    def _write(self, environment: Any, status: int, category: bytes, message: bytes) -> None:  # noqa: ARG002
        self._note(status, message)


def _pointer(array: Any, kind: Any) -> Any:
    return array.ctypes.data_as(POINTER(kind))


def _write_2(environment: int | None, instance: bytes, status: int, category: bytes, message: bytes) -> None:
    slave = _slaves.get(environment or 0)
    if slave is None:
        printLogMessage(c_void_p(environment), instance, status, category, message)
    else:
        slave._note(status, message)


def _proxied() -> fmi2CallbackFunctions:
    """Return callbacks whose logger FMPy's proxy formats: ctypes cannot take variadic arguments.

    The proxy knows one Python logger a process, so this one serves all instances and tells them by environment.
    """
    callbacks = fmi2CallbackFunctions()
    callbacks.logger = _logger
    callbacks.allocateMemory = fmi2CallbackAllocateMemoryTYPE(calloc)
    callbacks.freeMemory = fmi2CallbackFreeMemoryTYPE(free)
    addLoggerProxy(byref(callbacks))
    return callbacks


_slaves: dict[int, _Slave2] = {}
_tokens = itertools.count(1)
_logger = fmi2CallbackLoggerTYPE(_write_2)
_callbacks = _proxied()
