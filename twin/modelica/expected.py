"""The trajectory that is stored beside a model: inputs, and outputs from a solution independent of the FMU.

``fmus/<model>/expected.csv``: a row holds the inputs from its time until the next row's, and the outputs at its time,
just before the inputs change. Columns are the names of scalars; parameters have the same value in every row.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.errors import InputError, Problem

FloatArray = NDArray[np.float64]
TOLERANCE = 1e-8
"""Of the larger of 1 and the largest value of a column: error control at 1 s steps stays a hundred times below."""


@dataclass(frozen=True)
class Deviation:
    """How far one variable is from what is stored, at most."""

    variable: str
    largest: float
    allowed: float

    @property
    def is_allowed(self) -> bool:
        """Tell whether it is near enough; NaN is not."""
        return self.largest <= self.allowed


@dataclass(frozen=True)
class Expected:
    """A stored trajectory; columns have one value a row."""

    time_s: FloatArray
    columns: Mapping[str, FloatArray]

    def deviations(self, outputs: Mapping[str, FloatArray]) -> list[Deviation]:
        """Return the deviation of every output, ``outputs`` being one value a row under the columns' names."""
        found = []
        for name, values in outputs.items():
            stored = self.columns[name]
            allowed = TOLERANCE * max(1.0, float(np.abs(stored).max()))
            found.append(Deviation(name, float(np.abs(values - stored).max()), allowed))
        return found


def load(path: Path) -> Expected:
    """Return the trajectory stored at ``path``.

    Raises InputError where it is not there or is no table of numbers.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            names, *rows = csv.reader(file)
        numbers = np.array(rows, dtype=np.float64)
    except (OSError, ValueError) as error:
        raise InputError(Problem(f"no trajectory to compare with: {error}", str(path))) from None
    columns = dict(zip(names, numbers.T, strict=True))
    return Expected(columns.pop("time_s"), columns)


def replay(expected: Expected, step: Callable[[int, float, float], FloatArray], outputs: list[str]) -> list[Deviation]:
    """Return the deviations of a simulation from the stored rows, stepped once a second.

    ``step(row, time_s, step_s)`` applies the inputs of a row, advances, and returns the outputs.
    """
    last: list[FloatArray] = []
    for row in range(len(expected.time_s) - 1):
        start, end = expected.time_s[row], expected.time_s[row + 1]
        count = max(1, round(end - start))
        for turn in range(count):
            values = step(row, start + turn * (end - start) / count, (end - start) / count)
        last.append(values)
    rows = np.array(last)
    of_rows = Expected(expected.time_s[1:], {name: values[1:] for name, values in expected.columns.items()})
    return of_rows.deviations({name: rows[:, i] for i, name in enumerate(outputs)})
