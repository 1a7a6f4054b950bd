"""Which points go out together, and which are tried again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.sweep.attempt.point import Outcome
from twin.sweep.engine.chunks import AHEAD, MOST_POINTS, Chunk, Chunks


def _ids(chunk: Chunk | None) -> list[str]:
    assert chunk is not None
    return [point for point, _ in chunk.points]


def _done(chunk: Chunk) -> list[Outcome]:
    return [Outcome(point, "done") for point, _ in chunk.points]


def _begun(count: int, *, seconds: float, retries: int = 1) -> Chunks:
    """Return the rest of many points, of which the first took so long."""
    chunks = Chunks(retries)
    chunks.add(f"p{number}" for number in range(count + 1))
    first = chunks.next(1)
    assert first is not None
    chunks.took(seconds, 1)
    chunks.over(first.number, _done(first))
    return chunks


@pytest.mark.parametrize(
    ("seconds", "points", "workers", "expected"),
    [
        pytest.param(30.0, 100, 2, 1, id="a long point goes alone"),
        pytest.param(0.1, 100, 2, 10, id="a second of short ones"),
        pytest.param(0.1, 12, 2, 3, id="fewer towards the end"),
        pytest.param(0.0, 100_000, 2, MOST_POINTS, id="never too many"),
    ],
)
def test_chunks_grow_with_short_points(seconds: float, points: int, workers: int, expected: int) -> None:
    assert len(_ids(_begun(points, seconds=seconds).next(workers))) == expected


def test_before_anything_is_known_points_go_alone() -> None:
    chunks = Chunks(0)
    chunks.add(["a", "b", "c"])
    assert _ids(chunks.next(1)) == ["a"]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_no_more_is_under_way_than_workers_need(workers: int) -> None:
    chunks = Chunks(0)
    chunks.add(f"p{number}" for number in range(100))
    sent = 0
    while chunks.next(workers):
        sent += 1
    assert sent == AHEAD * max(workers, 1)


def test_the_same_point_is_run_once() -> None:
    chunks = Chunks(0)
    chunks.add(["a", "a", "b", "a"])
    assert [_ids(chunks.next(2)), _ids(chunks.next(2)), chunks.next(2)] == [["a"], ["b"], None]


def test_what_was_not_looked_at_goes_out_again_uncounted() -> None:
    chunks = _begun(4, seconds=0.01, retries=0)
    chunk = chunks.next(1)
    assert chunk is not None
    assert chunks.over(chunk.number, ()) == ()
    sent: list[tuple[str, int]] = []
    while again := chunks.next(1):
        sent += again.points
        chunks.over(again.number, _done(again))
    assert sorted(sent) == [("p1", 1), ("p2", 1), ("p3", 1), ("p4", 1)]


def test_a_failed_point_goes_alone_after_the_others() -> None:
    chunks = _begun(4, seconds=0.5, retries=1)
    first = chunks.next(1)
    assert _ids(first) == ["p1", "p2"]
    assert first is not None
    failed = [Outcome("p1", "failed", "no", again=True), Outcome("p2", "failed", "no", again=True)]
    assert chunks.over(first.number, failed) == ()
    sent = []
    while chunk := chunks.next(1):
        sent.append(chunk.points)
        chunks.over(chunk.number, _done(chunk))
    assert sent == [(("p3", 1),), (("p4", 1),), (("p1", 2),), (("p2", 2),)]
    assert chunks.empty


@pytest.mark.parametrize(
    ("again", "retries", "attempts"),
    [
        pytest.param(True, 2, 3, id="tried again"),
        pytest.param(True, 0, 1, id="no retries"),
        pytest.param(False, 2, 1, id="a mistake that stays"),
    ],
)
def test_a_point_is_given_up(*, again: bool, retries: int, attempts: int) -> None:
    chunks = Chunks(retries)
    chunks.add(["a"])
    seen = []
    final: Sequence[Outcome] = ()
    while chunk := chunks.next(1):
        seen += [attempt for _, attempt in chunk.points]
        final = chunks.over(chunk.number, [Outcome("a", "failed", "no", again=again)])
    assert (seen, [outcome.state for outcome in final], chunks.attempts("a")) == (
        list(range(1, attempts + 1)),
        ["failed"],
        attempts,
    )


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), workers=st.integers(0, 4), retries=st.integers(0, 3))
def test_whatever_happens_every_point_ends_once(seed: int, count: int, workers: int, retries: int) -> None:
    """Chunks come back in any order, with any part of their outcomes, and points fail as they like."""
    random = np.random.default_rng(seed)
    chunks = Chunks(retries)
    chunks.add(f"p{number}" for number in range(count))
    flying: list[Chunk] = []
    ended: list[Outcome] = []
    while not chunks.empty:
        while chunk := chunks.next(workers):
            flying.append(chunk)
        chunk = flying.pop(random.integers(len(flying)))
        outcomes = [
            Outcome(point, "failed", again=True) if random.random() < 0.4 else Outcome(point, "done")
            for point, _ in chunk.points[: random.integers(len(chunk.points) + 1)]
        ]
        chunks.took(2 * random.random() ** 4, len(chunk.points))
        ended += chunks.over(chunk.number, outcomes)
    assert sorted(outcome.point_id for outcome in ended) == sorted(f"p{number}" for number in range(count))
    for outcome in ended:
        assert chunks.attempts(outcome.point_id) <= retries + 1
        assert (outcome.state == "failed") == (chunks.attempts(outcome.point_id) == retries + 1)
