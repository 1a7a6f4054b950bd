"""Rows of a state: a frozen dataclass of arrays, nested or not, whose axis 0 is the ECU."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

State = TypeVar("State")


def take(state: State, rows: NDArray[np.int64]) -> State:
    """Return a copy of some rows."""
    parts: dict[str, Any] = {}
    for field in fields(state):  # type: ignore[arg-type]
        value = getattr(state, field.name)
        parts[field.name] = take(value, rows) if is_dataclass(value) else value[rows]
    return replace(state, **parts)  # type: ignore[type-var]


def put(state: State, rows: NDArray[np.int64], new: State) -> None:
    """Write some rows back in place."""
    for field in fields(state):  # type: ignore[arg-type]
        value, part = getattr(state, field.name), getattr(new, field.name)
        if is_dataclass(value):
            put(value, rows, part)
        else:
            value[rows] = part
