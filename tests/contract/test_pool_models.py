"""The project's own FMUs give the same bits in the native pool, for any number of threads, and in FMPy's."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from twin.modelica.build import build, models
from twin.plant.backends import Backend, open_pool
from twin.plant.backends.columns import bind, elements
from twin.plant.fmu import read
from twin.plant.pool import Pool, Status

COUNT = 5
POOLS: list[tuple[Backend, int]] = [("fmpy", 1), ("native", 1), ("native", 2), ("native", 3)]


def scalars(path: Path, causality: str) -> list[str]:
    """Return all real scalars of that causality."""
    fmu = read(path)
    names = [variable.name for variable in fmu.variables.values() if variable.causality == causality and variable.real]
    return [scalar for name in names for scalar in elements(fmu, name)]


@pytest.mark.parametrize("fmi", ["2.0", "3.0"])
@pytest.mark.parametrize("model", models())
def test_model_has_the_judges_bits(model: str, fmi: Literal["2.0", "3.0"]) -> None:
    path = build(model, fmi)
    inputs, outputs = scalars(path, "input"), scalars(path, "output")
    columns = bind(read(path), inputs, "input")
    start = columns.start[columns.positions]
    random = np.random.default_rng(3)
    with ExitStack() as stack:
        pools = [open_pool(path, COUNT, inputs, outputs, backend=kind, threads=n) for kind, n in POOLS]
        for pool in pools:
            stack.callback(pool.close)
            pool.inputs[:] = start
            pool.initialize({})
        states = [pool.snapshot() for pool in pools]
        for tick in range(12):
            now = start * random.uniform(0.95, 1.05, (COUNT, start.size)) + random.uniform(0, 0.1, (COUNT, start.size))
            steps = random.uniform(0.5, 10.0, COUNT)
            for pool, state in zip(pools, states, strict=True):
                advance(pool, state, tick, now, steps)
            assert (pools[0].status == Status.OK).all()
            assert len({pool.outputs.tobytes() for pool in pools}) == 1


def advance(pool: Pool, state: Any, tick: int, inputs: Any, steps_s: Any) -> None:
    """Step, and now and then go back to the start, or let the state of one instance travel to another."""
    times_s = np.zeros(COUNT)
    if tick % 4 == 3:
        pool.restore(state)
    if tick % 4 == 2:
        pool.deserialize(0, pool.serialize(1))
        pool.restore(state, np.arange(COUNT) > 1)
    pool.inputs[:] = inputs
    pool.step(times_s, steps_s)


def test_same_model_of_both_versions_agrees() -> None:
    outputs = []
    for fmi in ("2.0", "3.0"):
        path = build("module_electrical", fmi)
        pool = open_pool(path, 2, ["current_A"], scalars(path, "output"))
        pool.initialize({"soc_start": np.linspace(0.2, 0.8, 16), "capacity_Ah[3]": [300.0, 310.0]})
        pool.inputs[:, 0] = [50.0, -50.0]
        for tick in range(10):
            pool.step(float(tick), 1.0)
        outputs.append(dict(zip(pool.output_names, pool.outputs.T.tolist(), strict=True)))
        pool.close()
    assert outputs[0] == outputs[1]
