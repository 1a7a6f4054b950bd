"""The engines give the same: statistics, nodes, mailboxes, logs, transfers and changes, to the nanosecond."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worlds.random_networks import (
    Sizes,
    World,
    acknowledgement_world,
    flow_control_world,
    noisy_world,
    random_world,
)
from twin.network.engines.engine import Engine
from twin.network.engines.registry import ENGINES
from twin.network.engines.simpy import SimpyEngine

OTHERS = {name: kind for name, kind in ENGINES.items() if kind is not SimpyEngine}
EACH_ENGINE = pytest.mark.parametrize("kind", ENGINES.values(), ids=ENGINES)
EACH_OTHER = pytest.mark.parametrize("kind", OTHERS.values(), ids=OTHERS)

SEEDS = st.integers(0, (1 << 32) - 1)
"""A seed decides all of a world but its size, so that a failing one shrinks by its size only, in little time."""
SIZES = st.builds(
    lambda segments, more, messages, pieces: Sizes(segments, segments + more, messages, pieces),
    st.integers(1, 3),
    st.integers(0, 5),
    st.integers(1, 20),
    st.integers(1, 12),
)


def state(engine: Engine) -> Iterator[tuple[str, Any]]:
    """Yield everything that can be read off an engine at any time."""
    for part in (engine.statistics, engine.nodes):
        yield from vars(part).items()
    yield "mailbox_time_ns", engine.mailbox_time_ns
    yield "mailbox_payload", engine.mailbox_payload


def history(engine: Engine) -> Iterator[tuple[str, Any]]:
    """Yield, and take, what an engine has written down."""
    yield "changes", engine.take_changes()
    for site in engine.logged:
        yield from ((f"site {site}: {name}", column) for name, column in vars(engine.take_log(site)).items())
    yield "transfers", engine.take_transfers()


def assert_same(found: Engine, expected: Engine) -> None:
    for part in (history, state):  # the history first: it says more of what went wrong
        for (name, left), (_, right) in zip(part(found), part(expected), strict=True):
            if isinstance(left, np.ndarray):
                np.testing.assert_array_equal(left, right, name)
            else:
                assert left == right, name


def in_one_go(world: World, engine: Engine) -> Engine:
    """Tell the engine everything beforehand, and advance it once."""
    *before, last = world.script
    for call in before:
        if call.method != "advance":
            call.of(engine)
    last.of(engine)
    return engine


def in_pieces(world: World, engine: Engine) -> Engine:
    for call in world.script:
        call.of(engine)
    return engine


def assert_agree(kind: type[Engine], world: World) -> None:
    """Let both engines take every step of the script, and compare them after each one that advances them."""
    found, expected = world.engine(kind), world.engine(SimpyEngine)
    for call in world.script:
        call.of(found)
        call.of(expected)
        if call.method == "advance":
            assert_same(found, expected)


@EACH_OTHER
@settings(max_examples=300)
@given(seed=SEEDS, sizes=SIZES)
def test_engines_agree_on_frames(kind: type[Engine], seed: int, sizes: Sizes) -> None:
    assert_agree(kind, random_world(seed, sizes))


@EACH_OTHER
@settings(max_examples=300)
@given(seed=SEEDS, sizes=SIZES)
def test_engines_agree_on_routes_and_transfers(kind: type[Engine], seed: int, sizes: Sizes) -> None:
    assert_agree(kind, random_world(seed, sizes, transport=True))


@EACH_OTHER
@settings(max_examples=400)
@given(seed=SEEDS, sizes=SIZES)
def test_engines_agree_on_errors(kind: type[Engine], seed: int, sizes: Sizes) -> None:
    assert_agree(kind, random_world(seed, sizes, transport=True, errors=True))


@EACH_OTHER
@settings(max_examples=100)
@given(seed=SEEDS)
def test_engines_agree_on_any_flow_control(kind: type[Engine], seed: int) -> None:
    assert_agree(kind, flow_control_world(seed))


@EACH_OTHER
@settings(max_examples=30)
@given(seed=SEEDS)
def test_engines_agree_on_error_counters(kind: type[Engine], seed: int) -> None:
    assert_agree(kind, noisy_world(seed))


@EACH_OTHER
@settings(max_examples=60)
@given(seed=SEEDS)
def test_engines_agree_on_acknowledgements(kind: type[Engine], seed: int) -> None:
    assert_agree(kind, acknowledgement_world(seed))


@EACH_ENGINE
@settings(max_examples=60)
@given(seed=SEEDS, sizes=SIZES, transport=st.booleans(), errors=st.booleans())
def test_advancing_in_pieces_changes_nothing(
    kind: type[Engine], seed: int, sizes: Sizes, transport: bool, errors: bool
) -> None:
    world = random_world(seed, sizes, transport=transport, errors=errors)
    assert_same(in_pieces(world, world.engine(kind)), in_one_go(world, world.engine(kind)))


@EACH_OTHER
@settings(max_examples=30)
@given(seed=SEEDS, sizes=SIZES)
def test_threads_change_nothing(kind: type[Engine], seed: int, sizes: Sizes) -> None:
    world = random_world(seed, Sizes(sizes.segments, sizes.nodes, sizes.messages, sizes.pieces, 7), errors=True)
    assert_same(in_pieces(world, world.engine(kind, threads=3)), in_pieces(world, world.engine(kind)))
