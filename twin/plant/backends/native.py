"""The native pool: one library, N instances, one call a tick; written in C++ (``twin/native/pool.cpp``)."""

from __future__ import annotations

from typing import Any

from twin.errors import InputError, Problem
from twin.plant.backends.columns import Columns
from twin.plant.backends.fmu_pool import Failure, FmuPool, Mask, Rows, Setup
from twin.plant.pool import FloatArray

try:
    from twin.native import _native
except ImportError as error:  # pragma: no cover: an installation without the compiled module
    raise InputError(Problem("the native pool is not built", suggestion="pip install .")) from error


class NativePool(FmuPool):
    """Steps its instances in native threads with the GIL released; results do not depend on their number."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        fmu = setup.fmu
        resources = fmu.folder / "resources"
        try:
            self._native: Any = _native.Pool(
                library=str(fmu.library),
                version=fmu.version,
                name=fmu.identifier,
                token=fmu.token,
                resource_uri=resources.as_uri(),
                resource_path=f"{resources}/",
                log_categories=list(fmu.log_categories),
                keeps_state=fmu.keeps_state,
                serializes_state=fmu.serializes_state,
                input_columns=_columns(setup.inputs),
                output_columns=_columns(setup.outputs),
                inputs=self.inputs,
                outputs=self.outputs,
                status=self.status,
                generation=self._generation,
                threads=setup.threads,
            )
        except RuntimeError as error:
            raise InputError(Problem(str(error), str(fmu.path))) from None
        addresses = [array.ctypes.data for array in self._held]
        if self._native.addresses() != addresses:
            raise AssertionError("the native pool works on other arrays")

    def _begin(self, rows: Rows, parameters: Columns, values: FloatArray, start_s: float) -> None:
        setup = self.setup
        self._native.start(rows.tolist(), _columns(parameters), values, start_s, setup.tolerance, setup.stop_s)

    def _advance(self, times_s: FloatArray, steps_s: FloatArray, mask: Mask | None) -> None:
        self._native.step(times_s, steps_s, mask)

    def _take(self) -> Any:
        return self._native.take()

    def _put(self, states: Any, mask: Mask) -> None:
        self._native.put(states, mask)

    def _release(self, states: Any) -> None:
        self._native.release(states)

    def _freeze(self, row: int) -> bytes:
        return bytes(self._native.freeze(row))

    def _thaw(self, row: int, state: bytes) -> None:
        self._native.thaw(row, state)

    def _failure(self, row: int) -> Failure:
        function, column, log = self._native.failure(row)
        return Failure(function, column, log.decode(errors="replace"))

    def _free(self) -> None:
        self._native.close()


def _columns(columns: Columns) -> Any:
    return _native.Columns(columns.references, columns.positions, columns.start, columns.direct)
