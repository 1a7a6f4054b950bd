"""What a pool costs over a plain C loop on the same FMU, side by side in one run.

    python -m benchmarks.pool [--count 1000] [--rounds 15] [--fmi 2.0]

Every round times all contenders one after the other on the same inputs, so that a busy machine hurts them alike; the
table shows medians over the rounds of each round's own ratio.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.worlds.fmus.build import Flaw, build
from twin.plant.backends import Backend, open_pool
from twin.plant.backends.columns import Columns, bind, elements
from twin.plant.fmu import Fmu, read
from twin.plant.pool import Pool

HERE = Path(__file__).parent
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """An FMU with the columns that are stepped; ``ticks`` a round."""

    name: str
    path: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    ticks: int


class PlainLoop:
    """The C loop, behind the methods that are timed."""

    def __init__(self, folder: Path, fmu: Fmu, columns: tuple[Columns, Columns], inputs: FloatArray) -> None:
        self._c = compiled(folder, fmu)
        self._c.loop_step.argtypes = [ctypes.c_double, ctypes.c_double, *[ctypes.c_void_p] * 3]
        assert self._c.loop_open(str(fmu.library).encode()) == 0
        self._fmu, self._columns = fmu, columns
        self.inputs = inputs
        self.outputs = np.empty((len(inputs), columns[1].start.size))
        self.status = np.zeros(len(inputs), dtype=np.int32)

    def initialize(self) -> None:
        arguments: list[Any] = []
        for columns in self._columns:
            arguments += [_address(columns.references), ctypes.c_size_t(columns.references.size)]
            arguments.append(ctypes.c_size_t(columns.start.size))
        resources = (self._fmu.folder / "resources").as_uri().encode()
        count = ctypes.c_size_t(len(self.inputs))
        arrays = (_address(self.inputs), _address(self.outputs))
        assert self._c.loop_initialize(count, self._fmu.token.encode(), resources, *arguments, *arrays) == 0

    def step(self, time_s: float, step_s: float) -> None:
        arrays = (self.inputs.ctypes.data, self.outputs.ctypes.data, self.status.ctypes.data)
        self._c.loop_step(time_s, step_s, *arrays)

    def close(self) -> None:
        self._c.loop_close()


def compiled(folder: Path, fmu: Fmu) -> Any:
    """Return the C loop for an FMU's version as a library."""
    library = folder / f"plain_loop_{fmu.version}.so"
    if not library.exists():
        flags = ["-O3", "-shared", "-fPIC", f"-DFMI={fmu.version[0]}"]
        subprocess.run(["gcc", *flags, HERE / "plain_loop.c", "-ldl", "-o", library], check=True)
    return ctypes.CDLL(str(library))


def spinner(folder: Path, fmu: Fmu) -> Callable[[int], float]:
    """Return a function of pure arithmetic that holds no GIL."""
    spin = compiled(folder, fmu).loop_spin
    spin.argtypes, spin.restype = [ctypes.c_long], ctypes.c_double
    return spin


def _address(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def trivial(folder: Path, fmi: str) -> Case:
    """Return an FMU of one addition: what costs time is the engine."""
    return Case("trivial", build(folder, fmi, Flaw(core="trivial")), ("inflow",), ("level",), 300)


def module(fmi: str) -> Case:
    """Return the project's electrical module with all its inputs and outputs."""
    from twin.modelica.build import build as build_model

    path = build_model("module_electrical", fmi)  # type: ignore[arg-type]
    fmu = read(path)
    names = {
        kind: [v.name for v in fmu.variables.values() if v.causality == kind and v.real] for kind in ("input", "output")
    }
    scalars = {kind: tuple(scalar for name in found for scalar in elements(fmu, name)) for kind, found in names.items()}
    return Case("module", path, scalars["input"], scalars["output"], 3)


def measure(case: Case, count: int, rounds: int, folder: Path) -> dict[str, list[float]]:
    """Return microseconds per instance and step, one number a round, by contender."""
    fmu = read(case.path)
    columns = (bind(fmu, case.inputs, "input"), bind(fmu, case.outputs, "output"))
    inputs = np.tile(columns[0].start[columns[0].positions], (count, 1))
    inputs[:, 0] = np.linspace(-50.0, 50.0, count)
    loop = PlainLoop(folder, fmu, columns, inputs)
    pools = {"1 thread": opened(case, count, inputs), "2 threads": opened(case, count, inputs, threads=2)}
    loop.initialize()
    contenders: dict[str, Callable[[float, float], None]] = {"C loop": loop.step}
    contenders |= {name: pool.step for name, pool in pools.items()}
    times = race(contenders, case.ticks, rounds, count)
    agree = all(np.array_equal(pool.outputs, loop.outputs) for pool in pools.values())
    assert agree, "the contenders did different work"
    loop.close()
    judge = opened(case, count // 10, inputs[: count // 10], backend="fmpy")
    times["FMPy"] = race({"FMPy": judge.step}, case.ticks, 3, count // 10)["FMPy"]
    for pool in (*pools.values(), judge):
        pool.close()
    return times


def opened(case: Case, count: int, inputs: FloatArray, backend: Backend = "native", threads: int = 1) -> Pool:
    pool = open_pool(case.path, count, case.inputs, case.outputs, backend=backend, threads=threads)
    pool.inputs[:] = inputs
    pool.initialize({})
    return pool


def race(
    contenders: dict[str, Callable[[float, float], None]], ticks: int, rounds: int, count: int
) -> dict[str, list[float]]:
    """Time all contenders in turn, ``rounds`` times, from the same start to the same end."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        order = list(contenders.items())
        for name, step in order if number % 2 else reversed(order):
            begin = time.perf_counter()
            for tick in range(number * ticks, (number + 1) * ticks):
                step(float(tick), 1.0)
            times[name].append((time.perf_counter() - begin) * 1e6 / ticks / count)
    return times


def measure_threads(case: Case, count: int, rounds: int, spin: Callable[[int], float]) -> list[tuple[float, float]]:
    """Return (cores that the machine had to give, time of one thread over time of two), one pair a round."""
    fmu = read(case.path)
    columns = bind(fmu, case.inputs, "input")
    inputs = np.tile(columns.start[columns.positions], (count, 1))
    one, two = (opened(case, count, inputs, threads=threads) for threads in (1, 2))
    pairs = []
    for number in range(rounds):
        before = cores(spin)
        times = race({"one": one.step, "two": two.step}, 50 * case.ticks, 1, count)
        pairs.append((min(before, cores(spin)), times["one"][0] / times["two"][0]))
        if number % 4 == 3 and sum(free > 1.8 for free, _ in pairs) >= 5:
            break
    one.close()
    two.close()
    return pairs


def cores(spin: Callable[[int], float]) -> float:
    """Return how much faster two threads of pure arithmetic are than one, just now."""
    turns = 20_000_000
    begin = time.perf_counter()
    spin(turns)
    alone = time.perf_counter() - begin
    begin = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(spin, (turns, turns)))
    return 2 * alone / (time.perf_counter() - begin)


def measure_start(case: Case, count: int, rounds: int, folder: Path) -> tuple[list[float], list[float]]:
    """Return microseconds per instance to instantiate and initialise: the pool's, the C loop's."""
    fmu = read(case.path)
    columns = (bind(fmu, case.inputs, "input"), bind(fmu, case.outputs, "output"))
    inputs = np.tile(columns[0].start[columns[0].positions], (count, 1))
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        pool = open_pool(case.path, count, case.inputs, case.outputs)
        loop = PlainLoop(folder, fmu, columns, inputs)
        for contender, times in ((lambda pool=pool: pool.initialize({}), ours), (loop.initialize, theirs)):
            begin = time.perf_counter()
            contender()
            times.append((time.perf_counter() - begin) * 1e6 / count)
        pool.close()
        loop.close()
    return ours, theirs


def report(case: Case, count: int, rounds: int, folder: Path) -> None:
    """Print one FMU's rows."""
    times = measure(case, count, rounds, folder)
    base = times["C loop"]
    for name, values in times.items():
        paired = values if len(values) == len(base) else [statistics.median(values)] * len(base)
        ratios = [value / reference for value, reference in zip(paired, base, strict=True)]
        print(f"{case.name:<10}{name:<12}{statistics.median(values):>12.3f}{statistics.median(ratios):>12.2f}")
    pairs = measure_threads(case, count, rounds, spinner(folder, read(case.path)))
    free = [faster for available, faster in pairs if available > 1.8]
    told = f"{statistics.median(free):.2f}" if free else "-"
    print(
        f"{case.name:<10}1 thread over 2 threads {told:>12} (in {len(free)} of {len(pairs)} rounds two cores were free)"
    )
    ours, theirs = (statistics.median(values) for values in measure_start(case, count, 5, folder))
    print(f"{case.name:<10}instantiate + initialise {ours:>11.2f} us (C {theirs:.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="instances")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--fmi", choices=["2.0", "3.0"], default="2.0")
    parser.add_argument("--only", choices=["trivial", "module"])
    options = parser.parse_args()
    print(f"FMI {options.fmi}, {options.count} instances, medians of {options.rounds} rounds")
    print(f"{'FMU':<10}{'contender':<12}{'us/inst-step':>12}{'over C loop':>12}")
    with tempfile.TemporaryDirectory() as name:
        if options.only != "module":
            report(trivial(Path(name), options.fmi), options.count, options.rounds, Path(name))
        if options.only != "trivial":
            report(module(options.fmi), options.count, options.rounds, Path(name))


if __name__ == "__main__":
    main()
