"""The PyFMI pool: an independent judge of the FMI 2.0 path, where PyFMI is installed (conda-forge only)."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from twin.errors import InputError, Problem
from twin.plant.backends.columns import Columns
from twin.plant.backends.fmu_pool import Setup
from twin.plant.backends.slaves import CallFailed, Experiment, Slave, SlavePool
from twin.plant.pool import FloatArray, Status

_WRAPPER_VALUES = 10
"""PyFMI keeps so many values of its own beside a serialised state, and leaves those of an instance alone at None."""
INSTALL = "conda install -c conda-forge pyfmi"


class PyfmiPool(SlavePool):
    """Steps its instances through PyFMI; ``threads`` is of no use to it."""

    def __init__(self, setup: Setup) -> None:
        path = str(setup.fmu.path)
        try:
            import pyfmi
        except ImportError:
            missing = Problem("the backend 'pyfmi' is not installed", path="plant.backend", suggestion=INSTALL)
            raise InputError(missing) from None
        if setup.fmu.version != "2.0":
            raise InputError(Problem(f"FMI {setup.fmu.version} found; the backend 'pyfmi' steps FMI 2.0 only", path))
        super().__init__(setup)
        self._load: Callable[..., Any] = pyfmi.load_fmu

    def _instantiate(self, name: str) -> Slave:
        log = io.StringIO()  # without it PyFMI writes a file into the working directory
        try:
            model = self._load(str(self.setup.fmu.path), kind="CS", log_level=0, log_file_name=log)
        except Exception as error:  # PyFMI's own classes, which cannot be named before it is imported
            raise CallFailed("fmi2Instantiate", Status.FATAL, f"{name}: {error}") from None
        return _PyfmiSlave(model, log)


class _PyfmiSlave(Slave):
    """An FMI 2.0 instance; PyFMI raises without saying a status, which is then an error."""

    def __init__(self, model: Any, log: io.StringIO) -> None:
        self._model = model
        self._log = log

    def enter(self, experiment: Experiment, parameters: Columns, values: FloatArray) -> int:
        self._call(
            "fmi2SetupExperiment",
            self._model.setup_experiment,
            experiment.tolerance is not None,
            experiment.tolerance or 0.0,
            experiment.start_s,
            experiment.stop_s is not None,
            experiment.stop_s or 0.0,
        )
        self.set(parameters, values)
        self._call("fmi2EnterInitializationMode", self._model.enter_initialization_mode)
        return Status.OK

    def exit(self) -> int:
        self._call("fmi2ExitInitializationMode", self._model.exit_initialization_mode)
        return Status.OK

    def reset(self) -> int:
        self._call("fmi2Reset", self._model.reset)
        return Status.OK

    def set(self, columns: Columns, values: FloatArray) -> int:
        if columns.references.size:
            self._call("fmi2SetReal", self._model.set_real, columns.references, values)
        return Status.OK

    def get(self, columns: Columns, values: FloatArray) -> int:
        if columns.references.size:
            values[:] = self._call("fmi2GetReal", self._model.get_real, columns.references)
        return Status.OK

    def step(self, time_s: float, step_s: float) -> int:
        status = int(self._model.do_step(time_s, step_s, False))
        if not Status.OK <= status <= Status.WARNING:
            raise CallFailed("fmi2DoStep", status)
        return status

    def get_state(self) -> Any:
        return self._call("fmi2GetFMUstate", self._model.get_fmu_state)

    def set_state(self, state: Any) -> int:
        self._call("fmi2SetFMUstate", self._model.set_fmu_state, state)
        return Status.OK

    def free_state(self, state: Any) -> None:
        self._model.free_fmu_state(state)

    def serialize(self, state: Any) -> bytes:
        own, _ = self._call("fmi2SerializeFMUstate", self._model.serialize_fmu_state, state)
        return bytes(np.asarray(own).tobytes())

    def deserialize(self, state: bytes) -> Any:
        serialized = [np.frombuffer(state, dtype=np.int8).copy(), [None] * _WRAPPER_VALUES]
        return self._call("fmi2DeSerializeFMUstate", self._model.deserialize_fmu_state, serialized)

    def free(self) -> None:
        self._model = None  # PyFMI frees the instance when its object goes; freeing it by hand would do it twice

    def _call(self, function: str, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except Exception as error:  # PyFMI's own classes, see PyfmiPool
            said = self._log.getvalue().strip().splitlines()
            self.log = said[-1] if said else str(error)
            raise CallFailed(function, Status.ERROR) from None
