"""A quantity over time in a CSV file, every bad row of it named.

One header line; a column ``time_s`` (seconds since the start of the run) or ``time`` (ISO 8601 with a time zone); value
columns whose name ends in a unit, ``power_kW``, ``air_degC``. Lines that begin with ``#`` and empty lines are passed.
"""

from __future__ import annotations

import csv
import itertools
import math
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from twin.errors import InputError, Problem
from twin.quantity import Seconds, unit_named
from twin.scenario.profiles.profile import Profile, Window
from twin.scenario.series import Interpolation

FloatArray = NDArray[np.float64]
_USUAL_GAP = 1.5
"""An interval this many times longer than the median interval is a gap."""


class Table(Profile):
    """Base of the profiles that read a CSV file; ``unit`` is what the quantity is counted in."""

    unit: ClassVar[str]
    least: ClassVar[float] = -math.inf
    """The least value that can be true."""

    file: Annotated[str, Field(min_length=1)]
    """The CSV file; a relative path starts at the scenario's folder."""
    column: str | None = None
    """The value column, where more than one fits."""
    interpolation: Interpolation
    """``hold``: a row is the mean until the next row; ``linear``: rows are samples."""
    max_gap_s: Annotated[Seconds, Field(gt=0)] | None = None
    """Longest time between two rows; as a rule one and a half times the median."""

    def problems(self, window: Window) -> Iterable[Problem]:
        """Return everything that is wrong with the file's content."""
        try:
            if Path(self.file).is_file():
                self.read(window)
        except InputError as error:
            return error.problems
        return ()

    def read(self, window: Window) -> tuple[NDArray[np.int64], FloatArray]:
        """Return the knots in ns since the start of the run and the values in ``unit`` that cover ``window``.

        Raises InputError with every bad row.
        """
        reader = _Reader(self, window)
        rows = list(reader.rows(_lines(Path(self.file))))
        if not reader.problems:
            reader.check_times(rows)
        if reader.problems:
            raise InputError(reader.problems)
        knots_ns = np.array([row.time_ns for row in rows], dtype=np.int64)
        values = np.array([row.value for row in rows])
        first = max(int(np.searchsorted(knots_ns, 0, side="right")) - 1, 0)
        end = int(np.searchsorted(knots_ns, window.duration_ns)) + 1
        return knots_ns[first:end], values[first:end]


@dataclass(frozen=True)
class _Row:
    line: int
    time_ns: int
    value: float


@dataclass(frozen=True)
class _Columns:
    time: int
    value: int
    names: list[str]
    factor: float
    offset: float


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return the cells of every line that holds data, with the number of the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, skipinitialspace=True)
            cells = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", str(path))) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(Problem(f"is no CSV text: {error}", str(path))) from None
    return [(line, row) for line, row in cells if any(row) and not row[0].startswith("#")]


class _Reader:
    """Reads the rows of one file and collects what is wrong with them."""

    def __init__(self, table: Table, window: Window) -> None:
        self.table = table
        self.window = window
        self.problems: list[Problem] = []

    def rows(self, lines: list[tuple[int, list[str]]]) -> Iterator[_Row]:
        """Yield the good rows."""
        if not lines:
            self._complain(None, "is empty; expected a header line and rows")
            return
        (header_line, names), *rest = lines
        columns = self._columns(header_line, names)
        if columns is None:
            return
        for line, cells in rest:
            if len(cells) != len(names):
                self._complain(line, f"found {len(cells)} cells; expected {len(names)}")
                continue
            time_ns, value = self._time(line, cells, columns), self._value(line, cells, columns)
            if time_ns is not None and value is not None:
                yield _Row(line, time_ns, value)

    def check_times(self, rows: list[_Row]) -> None:
        """Complain of times that do not grow, gaps, and times that the file does not cover."""
        if len(rows) < 2:
            self._complain(rows[-1].line if rows else None, f"found {len(rows)} rows; expected at least 2")
            return
        steps = [later.time_ns - row.time_ns for row, later in itertools.pairwise(rows)]
        usual_ns = statistics.median(steps)
        longest_ns = self.table.max_gap_s * 1e9 if self.table.max_gap_s else _USUAL_GAP * usual_ns
        for row, step_ns in zip(rows[1:], steps, strict=True):
            if step_ns <= 0:
                self._complain(row.line, f"time is {-step_ns * 1e-9:g} s before the row above; expected it to grow")
            elif step_ns > longest_ns:
                expected = f"expected rows at most {longest_ns * 1e-9:g} s apart"
                self._complain(row.line, f"gap of {step_ns * 1e-9:g} s before this row; {expected}")
        self._check_cover(rows, usual_ns if self.table.interpolation == "hold" else 0)

    def _check_cover(self, rows: list[_Row], last_holds_ns: float) -> None:
        first_ns, end_ns = rows[0].time_ns, rows[-1].time_ns + last_holds_ns
        if first_ns > 0:
            self._complain(rows[0].line, f"begins {first_ns * 1e-9:g} s after the run; expected data from its start on")
        if end_ns < self.window.duration_ns:
            missing_s = (self.window.duration_ns - end_ns) * 1e-9
            self._complain(rows[-1].line, f"ends {missing_s:g} s before the run; expected data up to its end")

    def _columns(self, line: int, names: list[str]) -> _Columns | None:
        times = [i for i, name in enumerate(names) if name in ("time_s", "time")]
        units = {i: unit for i, name in enumerate(names) if (unit := _unit(name, self.table.unit))}
        fitting = [i for i in units if i not in times and self.table.column in (None, names[i])]
        if len(times) != 1:
            self._complain(line, f"found the columns {', '.join(names)}; expected one named time_s or time")
        if len(fitting) != 1:
            wanted = f"one column in {self.table.unit}" if self.table.column is None else repr(self.table.column)
            expected = f"expected {wanted}, its unit at the end of its name"
            self._complain(line, f"found {len(fitting)} such columns in {', '.join(names)}; {expected}")
        if len(times) != 1 or len(fitting) != 1:
            return None
        return _Columns(times[0], fitting[0], names, *units[fitting[0]])

    def _time(self, line: int, cells: list[str], columns: _Columns) -> int | None:
        text, name = cells[columns.time], columns.names[columns.time]
        if name == "time_s":
            seconds = self._number(line, text, name)
            return None if seconds is None else round(seconds * 1e9)
        try:
            since = datetime.fromisoformat(text) - self.window.start
        except ValueError:
            self._complain(line, f"found {text!r}; expected a time such as 2026-06-21T06:00:00+08:00", name)
        except TypeError:
            self._complain(line, f"found {text!r}, a time without a time zone; expected e.g. {text}+08:00", name)
        else:
            return since // timedelta(microseconds=1) * 1000
        return None

    def _value(self, line: int, cells: list[str], columns: _Columns) -> float | None:
        name = columns.names[columns.value]
        number = self._number(line, cells[columns.value], name)
        if number is None:
            return None
        value = columns.factor * number + columns.offset
        if value < self.table.least:
            self._complain(line, f"found {number:g}; expected at least {self.table.least:g} {self.table.unit}", name)
            return None
        return value

    def _number(self, line: int, text: str, name: str) -> float | None:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            return number
        found = repr(text) if text else "nothing"
        self._complain(line, f"found {found}; expected a finite number", name)
        return None

    def _complain(self, line: int | None, message: str, column: str | None = None) -> None:
        self.problems.append(Problem(message, self.table.file, line, column))


def _unit(name: str, wanted: str) -> tuple[float, float] | None:
    """Return factor and offset to ``wanted`` of the unit at the end of a column's name, or None if it has none."""
    _, underscore, unit = name.rpartition("_")
    try:
        return unit_named(unit, wanted) if underscore and unit else None
    except ValueError:
        return None
