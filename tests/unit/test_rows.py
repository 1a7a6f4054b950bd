"""Rows of states: taken, put back, folded, and carried over from another version."""

from __future__ import annotations

from dataclasses import dataclass, fields, make_dataclass, replace
from typing import Any

import numpy as np
import pytest

from twin.bms.rows import Rows, carried, each, folded, leaves, put, take, unfolded


@dataclass(frozen=True)
class Part:
    """A state within a state."""

    flag: np.ndarray[Any, Any]
    cell_V: np.ndarray[Any, Any]


@dataclass(frozen=True)
class State:
    """Arrays, a state, and a tuple of both, one of them empty."""

    count: np.ndarray[Any, Any]
    part: Part
    parts: tuple[Part, np.ndarray[Any, Any]]
    nothing: tuple[()]


ROWS = 6


def _part(start: float, rows: int = ROWS) -> Part:
    return Part(np.arange(rows) % 2 == 0, start + np.arange(3.0 * rows).reshape(rows, 3))


def _state(start: float = 0.0) -> State:
    count = int(start) + np.arange(ROWS)
    return State(count, _part(start), (_part(start + 100.0), count.astype(np.int8)), ())


def _values(state: Any) -> list[Any]:
    return [leaf.tolist() for leaf in leaves(state)]


@pytest.mark.parametrize("rows", [[0], [4, 1], [], list(range(ROWS))], ids=str)
def test_rows_are_taken_and_put_as_by_the_plain_functions(rows: list[int]) -> None:
    which = np.array(rows, np.int64)
    kept = Rows(_state())
    taken = kept.take(which)
    assert type(taken) is State
    assert _values(taken) == _values(take(_state(), which)) == [leaf[which].tolist() for leaf in leaves(_state())]
    other, new = _state(), take(_state(1000.0), which)
    kept.put(which, new)
    put(other, which, new)
    assert _values(kept.state) == _values(other)
    assert kept.state.part.cell_V[which].tolist() == new.part.cell_V.tolist()
    untouched = np.setdiff1d(np.arange(ROWS), which)
    assert kept.state.parts[0].cell_V[untouched].tolist() == _state().parts[0].cell_V[untouched].tolist()


def test_what_is_taken_is_a_copy() -> None:
    state = _state()
    Rows(state).take(np.array([2])).count[:] = 99
    take(state, np.array([2])).part.cell_V[:] = 99.0
    assert _values(state) == _values(_state())


def test_a_state_that_was_taken_may_be_put_back_changed_in_part() -> None:
    """As a firmware does, which passes on what has not changed."""
    kept = Rows(_state())
    rows = np.array([3, 0])
    taken = kept.take(rows)
    kept.put(rows, replace(taken, count=taken.count + 10))
    assert kept.state.count.tolist() == [10, 1, 2, 13, 4, 5]
    assert _values(kept.state.part) == _values(_state().part)


def test_types_and_shapes_stay_what_they_are() -> None:
    kept = Rows(_state())
    rows = np.array([1, 2])
    kept.put(rows, replace(kept.take(rows), count=np.array([7.0, 8.0])))
    assert (kept.state.count.dtype, kept.state.count.tolist()) == (np.int64, [0, 7, 8, 3, 4, 5])
    with pytest.raises(ValueError, match="one row for each number"):
        kept.put(rows, replace(kept.take(rows), count=np.arange(3)))
    with pytest.raises(ValueError, match="rows of the same shape"):
        kept.put(rows, replace(kept.take(rows), count=np.zeros((2, 2))))


def test_classes_of_one_name_do_not_mix() -> None:
    """Estimators, for example, may all call their state Estimate."""
    first, second = (make_dataclass("Same", [name], frozen=True) for name in ("one", "two"))
    state = (first(np.arange(3)), second(np.arange(3) + 10), first(np.arange(3) + 20))
    taken = Rows(state).take(np.array([1]))
    assert [type(part) for part in taken] == [first, second, first]
    assert _values(taken) == [[1], [11], [21]]


def test_folding_makes_parts_to_rows_and_back() -> None:
    state = _state()
    of_packs = unfolded(state, 2)
    assert of_packs.count.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert of_packs.part.cell_V.shape == (3, 2, 3)
    assert _values(folded(of_packs)) == _values(state)


def test_each_changes_every_array_and_keeps_the_classes() -> None:
    doubled = each(lambda leaf: np.concatenate([leaf, leaf]), _state())
    assert [len(leaf) for leaf in leaves(doubled)] == [2 * ROWS] * 6
    assert type(doubled.parts[0]) is Part


def _renamed(**changes: Any) -> Any:
    """Return a state of another class, with other things beside or instead of those of ``State``."""
    old = {field.name: getattr(_state(1000.0), field.name) for field in fields(State)} | changes
    return make_dataclass("Older", list(old), frozen=True)(*old.values())


CARRIED: dict[str, tuple[Any, set[str]]] = {
    "the same": (_state(1000.0), {"count", "part", "parts"}),
    "another class": (_renamed(), {"count", "part", "parts"}),
    "something more": (_renamed(more=np.zeros(ROWS)), {"count", "part", "parts"}),
    "another type": (_renamed(count=np.zeros(ROWS)), {"part", "parts"}),
    "other rows": (_renamed(count=np.zeros(ROWS + 1, np.int64)), {"part", "parts"}),
    "a tuple of another length": (_renamed(parts=(np.zeros(ROWS),)), {"count", "part"}),
    "an array where a state is now": (_renamed(part=np.zeros(ROWS)), {"count", "parts"}),
    "nothing of it": (None, set()),
}


@pytest.mark.parametrize(("old", "kept"), CARRIED.values(), ids=CARRIED.keys())
def test_what_another_version_knows_by_the_same_name_is_carried_over(old: Any, kept: set[str]) -> None:
    state = carried(old, _state())
    assert type(state) is State
    for name in ("count", "part", "parts"):
        source = _state(1000.0) if name in kept else _state()
        assert _values(getattr(state, name)) == _values(getattr(source, name)), name
