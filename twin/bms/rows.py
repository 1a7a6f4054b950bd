"""Rows of a state: a frozen dataclass of arrays whose axis 0 is the ECU, and of such dataclasses and tuples of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

State = TypeVar("State")


def take(state: State, rows: NDArray[np.int64]) -> State:
    """Return a copy of some rows."""
    return each(lambda part: part[rows], state)


def put(state: State, rows: NDArray[np.int64], new: State) -> None:
    """Write some rows back in place."""
    if isinstance(state, np.ndarray):
        state[rows] = new
        return
    for part, value in zip(_parts(state), _parts(new), strict=True):
        put(part, rows, value)


def folded(state: State) -> State:
    """Return states ``[row, part, ...]`` as states of the parts, ``[row * part, ...]``."""
    return each(lambda part: part.reshape(-1, *part.shape[2:]), state)


def unfolded(state: State, parts: int) -> State:
    """Return states of parts, ``[row * part, ...]``, as states ``[row, part, ...]``."""
    return each(lambda part: part.reshape(-1, parts, *part.shape[1:]), state)


def carried(old: Any, new: State) -> State:
    """Return ``new`` with everything that ``old`` keeps by the same name, in an array of the same shape and type."""
    if isinstance(new, np.ndarray):
        same = isinstance(old, np.ndarray) and (old.shape, old.dtype) == (new.shape, new.dtype)
        return old if same else new
    if isinstance(new, tuple):
        return new if not isinstance(old, tuple) or len(old) != len(new) else _pairwise(old, new)
    kind: Any = type(new)
    taken: State = kind(*[carried(getattr(old, name, None), getattr(new, name)) for name in _names(kind)])
    return taken


def _pairwise(old: tuple[Any, ...], new: Any) -> Any:
    return tuple(carried(before, after) for before, after in zip(old, new, strict=True))


def each(change: Callable[[NDArray[Any]], NDArray[Any]], state: State) -> State:
    """Return the state with every array changed."""
    changed: Any
    if isinstance(state, np.ndarray):
        changed = change(state)
    elif isinstance(state, tuple):
        changed = tuple([each(change, part) for part in state])
    else:
        kind: Any = type(state)
        changed = kind(*[each(change, getattr(state, name)) for name in _names(kind)])
    result: State = changed
    return result


def _parts(state: Any) -> tuple[Any, ...]:
    kind: Any = type(state)
    return state if isinstance(state, tuple) else tuple([getattr(state, name) for name in _names(kind)])


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
