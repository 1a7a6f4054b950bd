"""What a factor of a study is: one file in ``twin.sweep.study.factors``, found because it is there.

Every design works in the unit cube, a coordinate a factor; a factor knows what value a coordinate stands for, and what
the value changes in the base.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from twin.errors import Problem
from twin.options import Options

Value: TypeAlias = str | int | float | bool | None


class Factor(Options, ABC):
    """One thing that a study varies."""

    path: str | tuple[str, ...] = ()
    """What it changes in the base, as for ``--set``: ``fleet.modules``; several all get the value.

    The factor's own name unless stated. Of a Python function: the name of an argument."""

    @property
    def continuous(self) -> bool:
        """Whether any coordinate has a value of its own."""
        return False

    @abstractmethod
    def value(self, unit: float) -> Value:
        """Return the value at a coordinate, 0 <= unit < 1; equal lengths are equally likely."""

    @abstractmethod
    def levels(self, steps: int) -> tuple[float, ...]:
        """Return coordinates of the factor's levels, in its order; of a continuous one ``steps`` that span it."""

    def changes(self, name: str, value: Value) -> tuple[tuple[str, Value], ...]:
        """Return what a value sets: paths of the base and what they become."""
        paths = (self.path,) if isinstance(self.path, str) else self.path or (name,)
        return tuple((path, value) for path in paths)

    def columns(self, name: str, value: Value) -> Mapping[str, Value]:
        """Return the value as the table tells it, by column."""
        return {name: value}

    def located(self, folder: Path) -> Factor:
        """Return the factor with the files that it names looked for from ``folder``."""
        del folder
        return self

    def mistakes(self) -> tuple[Problem, ...]:
        """Return what is wrong with the factor beyond its fields: of a file that it names, say."""
        return ()


def spelled(path: str, value: Value) -> str:
    """Return a change as ``--set`` takes it."""
    return f"{path}={json.dumps(value)}"
