"""Pools by name: ``native`` runs, ``fmpy`` judges it, ``pyfmi`` judges both where it is installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from twin.errors import InputError, Problem, attempt
from twin.plant.backends.columns import bind, nearest
from twin.plant.backends.fmu_pool import FmuPool, Setup
from twin.plant.fmu import read
from twin.plant.pool import Pool

Backend = Literal["native", "fmpy", "pyfmi"]

__all__ = ["Backend", "open_pool"]


def open_pool(
    path: Path,
    count: int,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    backend: Backend = "native",
    threads: int = 1,
    tolerance: float | None = None,
    stop_s: float | None = None,
) -> Pool:
    """Open a pool of ``count`` instances of the FMU at ``path``; ``initialize`` makes them.

    ``inputs`` and ``outputs`` are scalar names, ``temperature_K[3]`` also for the element of an FMI 3.0 array; inputs
    stand at their start values. ``tolerance`` is relative, by default that of the FMU's default experiment.

    Raises InputError with every mistake in the FMU, in the names, or in what is installed here.
    """
    if count < 1 or threads < 1:
        raise ValueError(f"a pool of {count} instances and {threads} threads; expected at least one of each")
    problems: list[Problem] = []
    kind = attempt(problems, lambda: _pool_class(backend))
    fmu = attempt(problems, lambda: read(Path(path)))
    if kind is None or fmu is None:
        raise InputError(problems)
    if fmu.only_once and count > 1:
        problems.append(Problem(f"can be instantiated only once a process; expected {count} instances", str(path)))
    columns_in = attempt(problems, lambda: bind(fmu, inputs, "input"))
    columns_out = attempt(problems, lambda: bind(fmu, outputs, "output"))
    if problems or columns_in is None or columns_out is None:
        raise InputError(problems)
    own = fmu.tolerance if tolerance is None else tolerance
    return kind(Setup(fmu, count, columns_in, columns_out, threads, own, stop_s))


def _pool_class(backend: str) -> type[FmuPool]:
    """Return the pool of that name; its libraries are imported only now."""
    if backend == "native":
        from twin.plant.backends.native import NativePool

        return NativePool
    if backend == "fmpy":
        from twin.plant.backends.fmpy import FmpyPool

        return FmpyPool
    if backend == "pyfmi":
        from twin.plant.backends.pyfmi import PyfmiPool

        return PyfmiPool
    known = get_args(Backend)
    message = f"no backend {backend!r}; expected one of {', '.join(known)}"
    raise InputError(Problem(message, suggestion=nearest(backend, known)))
