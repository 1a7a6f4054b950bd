"""Every pool keeps the one promise of ``twin.plant.pool.Pool``, to the bit: FMPy's pool is the judge."""

from __future__ import annotations

import gc
import importlib.util
import multiprocessing
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.worlds.fmus.build import INPUTS, OUTPUTS, Flaw, build
from twin.errors import InputError
from twin.plant.backends import Backend, open_pool
from twin.plant.backends.native import NativePool
from twin.plant.backends.pyfmi import PyfmiPool
from twin.plant.pool import Pool, Status

COUNT = 7
COMMAND = INPUTS.index("command")
WARNING, DISCARD, ERROR, FATAL, NAN, TERMINATE, FAIL_GET, FAIL_SET = range(1, 9)


@dataclass(frozen=True)
class Candidate:
    """A pool that is held to the promise."""

    backend: Backend
    fmi: str
    threads: int = 1

    def __str__(self) -> str:
        return f"{self.backend}-{self.fmi}-{self.threads}"


NO_PYFMI = pytest.mark.skipif(
    importlib.util.find_spec("pyfmi") is None, reason="PyFMI is on conda-forge only: conda install -c conda-forge pyfmi"
)
CANDIDATES = [Candidate("native", fmi, threads) for fmi in ("2.0", "3.0") for threads in (1, 2, 3)]
PYFMI = pytest.param(Candidate("pyfmi", "2.0"), marks=NO_PYFMI, id="pyfmi-2.0")
JUDGES = [Candidate("fmpy", "2.0"), Candidate("fmpy", "3.0")]
judged = pytest.mark.parametrize("candidate", [*CANDIDATES, PYFMI], ids=str)
everyone = pytest.mark.parametrize("candidate", [*CANDIDATES, *JUDGES, PYFMI], ids=str)


@pytest.fixture(scope="session")
def fmus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {fmi: build(tmp_path_factory.mktemp("fmus"), fmi) for fmi in ("2.0", "3.0")}


@pytest.fixture
def open_(fmus: dict[str, Path]) -> Iterator[Callable[..., Pool]]:
    """Opens pools on the tank and closes them."""
    pools: list[Pool] = []

    def make(candidate: Candidate, count: int = COUNT, **parameters: Any) -> Pool:
        kind = {"backend": candidate.backend, "threads": candidate.threads}
        pool = open_pool(fmus[candidate.fmi], count, INPUTS, OUTPUTS, **cast(Any, kind))
        pools.append(pool)
        pool.initialize(parameters)
        return pool

    yield make
    for pool in pools:
        pool.close()


def judge(candidate: Candidate) -> Candidate:
    return Candidate("fmpy", candidate.fmi)


def same(one: Pool, other: Pool) -> None:
    """Hold outputs to the same bits, and statuses and messages to the same where the backend tells them."""
    assert one.outputs.tobytes() == other.outputs.tobytes()
    if isinstance(one, PyfmiPool):
        assert ((one.status > Status.WARNING) == (other.status > Status.WARNING)).all()
        return
    assert one.status.tolist() == other.status.tolist()
    assert [one.message(i) for i in range(one.count)] == [other.message(i) for i in range(other.count)]


def draw_inputs(random: np.random.Generator, count: int) -> Any:
    inputs = random.normal(size=(count, len(INPUTS)))
    inputs[:, COMMAND] = 0.0
    return inputs


def spread(random: np.random.Generator, count: int) -> dict[str, Any]:
    return {"gain": random.uniform(1, 3, count), "weight": random.normal(size=(count, 3)), "level_start": 0.25}


@judged
def test_random_run_has_the_judges_bits(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    random = np.random.default_rng(1)
    parameters = spread(random, COUNT)
    pools = [open_(each, **parameters) for each in (candidate, judge(candidate))]
    snapshots = [pool.snapshot() for pool in pools]
    failures = 0
    for tick in range(60):
        inputs = draw_inputs(random, COUNT)
        if tick % 5 == 4:
            inputs[random.integers(COUNT), COMMAND] = random.integers(1, 9)
        time_s = random.uniform(0, 9, COUNT) if tick % 3 else 2.0 * tick
        step_s = random.uniform(0.1, 2, COUNT) if tick % 2 else 1.0
        mask = random.random(COUNT) < 0.7 if tick % 4 else None
        victim = int(random.integers(COUNT))
        fresh = {"gain": random.uniform(1, 3)}
        for pool, snapshot in zip(pools, snapshots, strict=True):
            pool.inputs[:] = inputs
            pool.step(time_s, step_s, mask)
            act(pool, snapshot, tick, victim, mask, fresh)
        same(*pools)
        failures += int((pools[0].status > Status.WARNING).any())
        if tick % 10 == 9:
            snapshots = [pool.snapshot() for pool in pools]
    assert (pools[0].status == Status.OK).any()
    assert failures > 5


def act(pool: Pool, snapshot: Any, tick: int, victim: int, mask: Any, fresh: dict[str, Any]) -> None:
    """Do one of the things that happen to instances between two steps."""
    match tick % 6:
        case 1:
            pool.restore(snapshot, mask)
        case 2:
            pool.replace([victim], fresh, 1.0)
        case 3:
            pool.reset([victim], 2.0)
        case 4:
            pool.deserialize(victim, pool.serialize((victim + 1) % pool.count))


@pytest.mark.parametrize("fmi", ["2.0", "3.0"])
def test_threads_are_used_and_change_no_bit(fmi: str, open_: Callable[..., Pool]) -> None:
    count = 4000  # enough work for the threads to be worth waking
    random = np.random.default_rng(2)
    parameters = spread(random, count)
    pools = [open_(Candidate("native", fmi, threads), count, **parameters) for threads in (1, 2, 3)]
    for tick in range(10):
        inputs = draw_inputs(random, count)
        inputs[17, COMMAND] = NAN if tick == 5 else 0
        for pool in pools:
            pool.inputs[:] = inputs
            pool.step(float(tick), 1.0)
    same(pools[0], pools[1])
    same(pools[0], pools[2])
    if sys.platform == "linux":
        assert len(list(Path("/proc/self/task").iterdir())) >= 1 + 1 + 2


def _advance(pool: Pool, results: Any) -> None:
    for tick in range(5, 150):  # the pool tries its threads now and then, whatever it took lately
        pool.step(float(tick), 1.0)
    results.put(pool.outputs.tobytes())


@pytest.mark.parametrize("fmi", ["2.0", "3.0"])
def test_threads_do_not_share_what_they_rearrange(fmi: str, fmus: dict[str, Path]) -> None:
    count, inputs, outputs = 4000, INPUTS[::-1], OUTPUTS[::-1]
    pools = [open_pool(fmus[fmi], count, inputs, outputs, threads=threads) for threads in (1, 3)]
    random = np.random.default_rng(4)
    for pool in pools:
        pool.initialize({})
    for tick in range(200):
        values = draw_inputs(random, count)[:, ::-1]
        for pool in pools:
            pool.inputs[:] = values
            pool.step(float(tick), 1.0)
    same(*pools)
    for pool in pools:
        pool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="fork")
def test_forked_child_goes_on_without_its_parents_threads(open_: Callable[..., Pool]) -> None:
    pool = open_(Candidate("native", "2.0", 2), 4000, gain=2.5)
    for tick in range(5):
        pool.step(float(tick), 1.0)
    context = multiprocessing.get_context("fork")
    results: Any = context.Queue()
    child = context.Process(target=_advance, args=(pool, results))
    child.start()
    outputs = results.get(timeout=20)
    child.join(timeout=20)
    for tick in range(5, 150):
        pool.step(float(tick), 1.0)
    assert outputs == pool.outputs.tobytes()
    assert child.exitcode == 0


FAILURES = {
    "discard": (DISCARD, Status.DISCARD, "DoStep returned discard: commanded to fail"),
    "error": (ERROR, Status.ERROR, "DoStep returned error: commanded to fail"),
    "fatal": (FATAL, Status.FATAL, "DoStep returned fatal: commanded to fail"),
    "not finite": (NAN, Status.NOT_FINITE, "output level is not finite"),
    "outputs refused": (FAIL_GET, Status.ERROR, "returned error"),
    "inputs refused": (FAIL_SET, Status.DISCARD, "returned discard"),
    "terminates": (TERMINATE, None, "DoStep returned"),
}


@everyone
@pytest.mark.parametrize("name", FAILURES)
def test_failed_instance_is_quarantined_and_the_others_go_on(
    name: str, candidate: Candidate, open_: Callable[..., Pool]
) -> None:
    command, status, text = FAILURES[name]
    pool = open_(candidate)
    pool.inputs[3, COMMAND] = command
    pool.step(0.0, 1.0)
    pool.inputs[3, COMMAND] = 0.0
    before = pool.outputs.copy()
    pool.step(1.0, 1.0)
    assert pool.status[3] > Status.WARNING
    assert np.isnan(pool.outputs[3]).all()
    if candidate.backend != "pyfmi":  # which tells neither the status of a refused value nor the FMU's own words
        assert pool.status[3] == (status or _terminated(candidate.fmi))
        assert text in pool.message(3)
    others = np.arange(COUNT) != 3
    assert (pool.status[others] == Status.OK).all()
    assert (pool.outputs[others, 0] != before[others, 0]).all()
    assert pool.message(2) == ""


def _terminated(fmi: str) -> Status:
    """FMI 2.0 has a status for it that is no business of a pool, FMI 3.0 a flag: the step is not done."""
    return Status.ERROR if fmi == "2.0" else Status.DISCARD


@everyone
def test_warning_is_no_failure(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    pool = open_(candidate)
    pool.inputs[3, COMMAND] = WARNING
    pool.step(0.0, 1.0)
    assert pool.status[3] == Status.WARNING
    assert np.isfinite(pool.outputs).all()


@everyone
def test_refused_parameters_quarantine_their_instance_only(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    pool = open_(candidate, gain=[1, 1, -1, 1, 1, 1, 1])
    assert pool.status.tolist() == [0, 0, 3, 0, 0, 0, 0]
    assert candidate.backend == "pyfmi" or "negative gain" in pool.message(2)
    pool.replace([2], {"gain": 1}, 0.0)
    assert pool.status.tolist() == [0] * COUNT
    assert np.isfinite(pool.outputs).all()


@everyone
def test_mask_leaves_the_rest_alone(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    pool = open_(candidate)
    before = pool.outputs.copy()
    mask = np.arange(COUNT) % 2 == 0
    pool.inputs[:] = 1.0
    pool.inputs[:, COMMAND] = 0.0
    pool.step(0.0, 1.0, mask)
    assert (pool.outputs[mask] != before[mask]).any(axis=1).all()
    assert (pool.outputs[~mask] == before[~mask]).all()


@everyone
def test_steps_and_times_may_differ(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    pool, alone = open_(candidate), open_(candidate)
    times, steps = np.linspace(0, 3, COUNT), np.linspace(0.5, 2, COUNT)
    for each in (pool, alone):
        each.inputs[:, 2:] = 1.0
    pool.step(times, steps)
    for row in range(COUNT):
        alone.step(float(times[row]), float(steps[row]), np.arange(COUNT) == row)
    same(pool, alone)
    assert np.unique(pool.outputs[:, 1]).size == COUNT


@everyone
def test_restored_pool_repeats_itself(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    pool = open_(candidate)
    pool.inputs[:, 0] = np.linspace(0, 1, COUNT)
    pool.step(0.0, 1.0)
    snapshot, there = pool.snapshot(), pool.outputs.copy()
    pool.step(1.0, 1.0)
    first = pool.outputs.copy()
    pool.inputs[2, COMMAND] = ERROR
    pool.step(2.0, 1.0)
    pool.restore(snapshot)
    assert pool.outputs.tobytes() == there.tobytes()
    assert (pool.status == Status.OK).all()
    pool.inputs[2, COMMAND] = 0
    pool.step(1.0, 1.0)
    assert pool.outputs.tobytes() == first.tobytes()


@everyone
def test_restore_brings_a_quarantine_back_with_its_reason(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    pool = open_(candidate)
    pool.inputs[1, COMMAND] = ERROR
    pool.step(0.0, 1.0)
    snapshot, reason = pool.snapshot(), pool.message(1)
    pool.inputs[1, COMMAND] = 0
    pool.reset([1], 1.0)
    assert pool.status[1] == Status.OK
    pool.restore(snapshot)
    assert pool.status[1] == Status.ERROR
    assert pool.message(1) == reason


@everyone
def test_fatal_instance_cannot_be_restored_only_replaced(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    pool = open_(candidate)
    snapshot = pool.snapshot()
    pool.inputs[1, COMMAND] = FATAL
    pool.step(0.0, 1.0)
    pool.inputs[1, COMMAND] = 0
    pool.restore(snapshot)
    assert pool.status[1] == Status.FATAL
    pool.replace([1], {}, 0.0)
    assert pool.status[1] == Status.OK
    pool.restore(snapshot)
    assert pool.status[1] == Status.ERROR
    assert "could not be kept" in pool.message(1)
    assert (np.delete(pool.status, 1) == Status.OK).all()


@everyone
def test_reset_keeps_parameters_and_replace_does_not(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    pool = open_(candidate, level_start=np.linspace(1, 2, COUNT), gain=3.0)
    fresh = pool.outputs.copy()
    pool.step(0.0, 1.0)
    pool.reset([4, 2], 5.0)
    assert (pool.outputs[[2, 4]] == fresh[[2, 4]]).all()
    pool.replace([5, 1], {"level_start": [7.0, 8.0]}, 5.0)
    assert pool.outputs[[5, 1], 0].tolist() == [7.0, 8.0]
    pool.replace([1], {"gain": 2.0}, 6.0)
    assert pool.outputs[1, 0] == 0.5  # the start value of the description


@pytest.mark.parametrize("fmi", ["2.0", "3.0"])
def test_state_travels_between_pools_and_backends(fmi: str, open_: Callable[..., Pool]) -> None:
    native, other = open_(Candidate("native", fmi), gain=2.5, level_start=2.0), open_(Candidate("fmpy", fmi), gain=1.0)
    native.inputs[:, 0] = other.inputs[:, 0] = 0.7
    native.step(0.0, 1.0)
    state = native.serialize(0)
    other.deserialize(5, state)
    assert other.outputs[5].tobytes() == native.outputs[0].tobytes()
    native.step(1.0, 1.0)
    other.step(1.0, 1.0)
    assert other.outputs[5].tobytes() == native.outputs[0].tobytes()
    other.reset([5], 0.0)  # with the parameters that came with the state
    assert other.outputs[5, 0] == 2.0


@everyone
def test_quarantine_travels_too(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    pool = open_(candidate)
    pool.inputs[1, COMMAND] = FATAL
    pool.step(0.0, 1.0)
    pool.deserialize(2, pool.serialize(1))
    assert pool.status[2] == Status.FATAL
    assert pool.message(2) == pool.message(1)
    pool.deserialize(1, pool.serialize(0))  # a fatal one is made anew first
    assert pool.outputs[1].tobytes() == pool.outputs[0].tobytes()
    assert pool.status[1] == Status.OK


@everyone
def test_arrays_stay_the_same_for_life(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    pool = open_(candidate)
    arrays = pool.inputs, pool.outputs, pool.status
    pool.step(0.0, 1.0)
    pool.restore(pool.snapshot())
    pool.initialize({})
    now = pool.inputs, pool.outputs, pool.status
    assert [id(array) for array in now] == [id(array) for array in arrays]
    pool.outputs = pool.outputs.copy()
    with pytest.raises(ValueError, match="bound anew"):
        pool.step(0.0, 1.0)


def test_native_code_works_on_numpys_own_memory(open_: Callable[..., Pool]) -> None:
    pool = open_(Candidate("native", "2.0"))
    assert isinstance(pool, NativePool)
    arrays: list[NDArray[Any]] = [pool.inputs, pool.outputs, pool.status]
    assert pool._native.addresses() == [array.ctypes.data for array in arrays]
    assert all(array.flags.c_contiguous and array.flags.owndata for array in arrays)


@everyone
def test_inputs_stand_at_their_start_values(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    assert open_(candidate).inputs.tolist() == [[0.0] * len(INPUTS)] * COUNT


@pytest.mark.parametrize("backend", ["native", "fmpy"])
def test_part_of_an_array_leaves_the_rest_at_its_start(backend: Backend, fmus: dict[str, Path]) -> None:
    def total(fmi: str) -> Any:
        pool = open_pool(fmus[fmi], 2, ["load[2]", "inflow"], ["total[2]", "grid[2,1]", "level"], backend=backend)
        with closing(pool):
            pool.initialize({"weight[2]": [4.0, 5.0]})
            pool.inputs[:] = [[1.0, 0.5], [2.0, 0.25]]
            pool.step(1.0, 1.0)
            return pool.outputs.copy()

    assert total("3.0").tobytes() == total("2.0").tobytes()
    assert (total("3.0")[:, 0] != 0).all()


WRONG = {
    "mask too short": (lambda pool: pool.step(0.0, 1.0, np.ones(3, dtype=bool)), "expected bool"),
    "mask of numbers": (lambda pool: pool.step(0.0, 1.0, np.ones(COUNT)), "expected bool"),
    "times too few": (lambda pool: pool.step(np.zeros(3), 1.0), "time_s has 3 numbers"),
    "step of zero": (lambda pool: pool.step(0.0, 0.0), "not positive"),
    "time of NaN": (lambda pool: pool.step(np.nan, 1.0), "not finite"),
    "no such instance": (lambda pool: pool.serialize(COUNT), "of a pool of"),
    "negative instance": (lambda pool: pool.reset([-1], 0.0), "of a pool of"),
    "instance twice": (lambda pool: pool.reset([1, 1], 0.0), "different numbers"),
    "parameter of wrong shape": (lambda pool: pool.replace([1], {"weight": [1.0, 2.0]}, 0.0), r"expected \[3\]"),
}


@everyone
@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_named(name: str, candidate: Candidate, open_: Callable[..., Pool]) -> None:
    call, text = cast(Any, WRONG[name])
    with pytest.raises(ValueError, match=text):
        call(open_(candidate))


@everyone
def test_wrong_parameters_are_all_named(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    pool = open_(candidate)
    with pytest.raises(InputError) as caught:
        pool.initialize({"gian": 1.0, "level": 1.0, "weight": np.nan, "steps": 1})
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    assert "no variable 'gian' (did you mean 'gain'?)" in text
    assert "'level' is of causality output" in text
    assert "'weight' is not finite" in text
    assert "'steps' is of type Int" in text


@everyone
def test_bytes_that_are_no_state_are_refused(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    pool = open_(candidate)
    state = pool.serialize(0)
    for bad in (b"", b"nonsense", b"{}\n", state[:30], state.replace(b"tank", b"tonk"), state.split(b"\n")[0] + b"\n"):
        with pytest.raises(InputError):
            pool.deserialize(0, bad)
    assert (pool.status == Status.OK).all()


@everyone
def test_snapshot_of_another_pool_is_refused(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    with pytest.raises(ValueError, match="another pool"):
        open_(candidate).restore(open_(candidate).snapshot())


@everyone
def test_closed_pool_can_only_be_closed(candidate: Candidate, open_: Callable[..., Pool]) -> None:
    pool = open_(candidate)
    snapshot = pool.snapshot()
    pool.close()
    pool.close()
    with pytest.raises(ValueError, match="closed"):
        pool.step(0.0, 1.0)
    with pytest.raises(ValueError, match="closed"):
        pool.restore(snapshot)


@everyone
def test_forgotten_pool_is_freed(candidate: Candidate, fmus: dict[str, Path]) -> None:
    pool = open_pool(fmus[candidate.fmi], 2, INPUTS, OUTPUTS, backend=candidate.backend)
    pool.initialize({})
    snapshot, gone = pool.snapshot(), weakref.ref(pool)
    del pool
    gc.collect()
    assert gone() is not None  # its snapshot needs it
    del snapshot
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("backend", ["native", "fmpy"])
@pytest.mark.parametrize("fmi", ["2.0", "3.0"])
def test_fmu_that_refuses_to_be_instantiated_is_input(backend: Backend, fmi: str, tmp_path: Path) -> None:
    path = build(tmp_path, fmi, Flaw(token="{other}"))
    pool = open_pool(path, 2, INPUTS, OUTPUTS, backend=backend)
    with closing(pool), pytest.raises(InputError, match=r"guid is not \{tank\}"):
        pool.initialize({})


@pytest.mark.parametrize("backend", ["native", "fmpy"])
def test_fmu_without_states_says_so(backend: Backend, tmp_path: Path) -> None:
    path = build(tmp_path, "2.0", Flaw(flags=""))
    with closing(open_pool(path, 2, INPUTS, OUTPUTS, backend=backend)) as pool:
        pool.initialize({})
        with pytest.raises(InputError, match="canGetAndSetFMUstate"):
            pool.snapshot()
        with pytest.raises(InputError, match="canSerializeFMUstate"):
            pool.serialize(0)
