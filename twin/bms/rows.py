"""Rows of a state: a frozen dataclass of arrays whose axis 0 is the ECU, and of such dataclasses and tuples of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from twin.native import _native

State = TypeVar("State")


class Rows(Generic[State]):
    """A state that is kept for life, of which some rows are taken and put back at a time."""

    def __init__(self, state: State) -> None:
        self.state = state
        kinds: dict[str, Any] = {}
        paths: list[str] = []
        whole = _built("state", state, paths, kinds)
        # Two expressions, written out once and compiled: an ECU's state has some seventy arrays, and walking through
        # them would cost more than the firmware's arithmetic.
        self._apart: Callable[[State], list[NDArray[Any]]] = eval(f"lambda state: [{', '.join(paths)}]", kinds)
        self._together: Callable[[list[NDArray[Any]]], State] = eval(f"lambda arrays: {whole}", kinds)
        self._arrays = self._apart(state)
        self._native = _native.Rows(self._arrays)
        # Kept, because fresh memory of this size costs more than what is copied into it.
        self._buffers = [np.empty_like(array) for array in self._arrays]

    def take(self, rows: NDArray[np.int64]) -> State:
        """Return a copy of some rows; it holds until the next ones are taken."""
        count = len(rows)
        taken = [buffer[:count] for buffer in self._buffers]
        self._native.take(rows, taken)
        return self._together(taken)

    def put(self, rows: NDArray[np.int64], new: State) -> None:
        """Write some rows back in place. Raises ValueError where a shape is another."""
        values = zip(self._apart(new), self._arrays, strict=True)
        self._native.put(rows, [np.ascontiguousarray(value, array.dtype) for value, array in values])


def _built(path: str, part: Any, paths: list[str], kinds: dict[str, Any]) -> str:
    """Return the expression that builds ``part`` of ``arrays``; note where each array is found, and what is called."""
    if isinstance(part, np.ndarray):
        paths.append(path)
        return f"arrays[{len(paths) - 1}]"
    if isinstance(part, tuple):
        inner = [_built(f"{path}[{place}]", one, paths, kinds) for place, one in enumerate(part)]
        return f"({''.join(one + ', ' for one in inner)})"
    kind: Any = type(part)
    name = f"{kind.__name__}{len(kinds)}"
    kinds[name] = kind
    inner = [_built(f"{path}.{field}", getattr(part, field), paths, kinds) for field in _names(kind)]
    return f"{name}({', '.join(inner)})"


def take(state: State, rows: NDArray[np.int64]) -> State:
    """Return a copy of some rows."""
    return each(lambda part: part[rows], state)


def put(state: State, rows: NDArray[np.int64], new: State) -> None:
    """Write some rows back in place."""
    for part, values in zip(leaves(state), leaves(new), strict=True):
        part[rows] = values


def leaves(state: Any) -> Iterator[NDArray[Any]]:
    """Yield the arrays of a state, in a fixed order."""
    if isinstance(state, np.ndarray):
        yield state
        return
    kind: Any = type(state)
    for part in state if isinstance(state, tuple) else [getattr(state, name) for name in _names(kind)]:
        yield from leaves(part)


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


def folded(state: State) -> State:
    """Return states ``[row, part, ...]`` as states of the parts, ``[row * part, ...]``."""
    return each(lambda part: part.reshape(-1, *part.shape[2:]), state)


def unfolded(state: State, parts: int) -> State:
    """Return states of parts, ``[row * part, ...]``, as states ``[row, part, ...]``."""
    return each(lambda part: part.reshape(-1, parts, *part.shape[1:]), state)


def carried(old: Any, new: State) -> State:
    """Return ``new`` with everything that ``old`` keeps by the same name, in an array of the same shape and type."""
    kept: Any
    if isinstance(new, np.ndarray):
        same = isinstance(old, np.ndarray) and (old.shape, old.dtype) == (new.shape, new.dtype)
        kept = old if same else new
    elif isinstance(new, tuple):
        alike = isinstance(old, tuple) and len(old) == len(new)
        kept = tuple([carried(before, after) for before, after in zip(old, new, strict=True)]) if alike else new
    else:
        kind: Any = type(new)
        kept = kind(*[carried(getattr(old, name, None), getattr(new, name)) for name in _names(kind)])
    result: State = kept
    return result


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
