"""Rows of a state: a frozen dataclass of arrays, nested or not, whose axis 0 is the ECU."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

State = TypeVar("State")


def take(state: State, rows: NDArray[np.int64]) -> State:
    """Return a copy of some rows."""
    kind: Any = type(state)
    parts = [getattr(state, name) for name in _names(kind)]
    taken: State = kind(*[part[rows] if isinstance(part, np.ndarray) else take(part, rows) for part in parts])
    return taken


def put(state: State, rows: NDArray[np.int64], new: State) -> None:
    """Write some rows back in place."""
    kind: Any = type(state)
    for name in _names(kind):
        part, value = getattr(state, name), getattr(new, name)
        if isinstance(part, np.ndarray):
            part[rows] = value
        else:
            put(part, rows, value)


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
