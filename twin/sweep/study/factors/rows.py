"""Rows of a table: values that belong together, such as measured pairs or designs made elsewhere."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from twin.errors import InputError, Problem
from twin.scenario.complaints import suggestion
from twin.scenario.document import parse, scalar
from twin.scenario.overrides import is_path
from twin.sweep.study.factor import Factor, Value

Column = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class _Table:
    """A CSV file."""

    names: tuple[str, ...] = ()
    cells: tuple[tuple[str, ...], ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    """The cells as they are meant."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with it; if anything, only names are here, as far as they can be read."""


class Rows(Factor):
    """The rows of a CSV file, all equally likely; each sets several things at once."""

    kind: Literal["rows"] = "rows"
    file: Annotated[str, Field(min_length=1)]
    """With a line of names first. Cells are read as YAML: 1e3 is a number, true a truth, {kind: none} a section."""
    columns_: Annotated[Mapping[Column, str | tuple[str, ...]], Field(alias="columns")] = {}
    """What the columns set: path, or several, by the name in the file.

    One that is not here sets the path that it is called, and one whose path is empty is only told in the table."""

    def value(self, unit: float) -> Value:
        """Return the number of a row, from 0: each has an equal part of the coordinate."""
        return int(unit * len(self._table.rows))

    def levels(self, steps: int) -> tuple[float, ...]:
        """Return the middle of each row's part."""
        del steps
        count = len(self._table.rows)
        return tuple((place + 0.5) / count for place in range(count))

    def changes(self, name: str, value: Value) -> tuple[tuple[str, Any], ...]:
        """Return what a row sets."""
        del name
        pairs = zip(self._table.names, self._table.rows[_place(value)], strict=True)
        return tuple((path, cell) for column, cell in pairs for path in self._paths(column))

    def columns(self, name: str, value: Value) -> Mapping[str, Value]:
        """Return the number of the row, and its values by the names in the file."""
        table, place = self._table, _place(value)
        read = zip(table.cells[place], table.rows[place], strict=True)
        told = (text if isinstance(cell, dict | list) else cell for text, cell in read)
        return {name: value, **dict(zip(table.names, told, strict=True))}

    def located(self, folder: Path) -> Rows:
        """Return the factor with its file looked for from ``folder``."""
        return self.model_copy(update={"file": str(folder.resolve() / self.file)})

    def mistakes(self) -> tuple[Problem, ...]:
        """Return what is wrong with the file, or which of its columns is not there."""
        return (*self._file.problems, *self._mistakes(self._file.names))

    def _mistakes(self, names: Sequence[str]) -> Iterator[Problem]:
        if self.path:
            yield Problem("not used here: every column says what it sets", path="path")
        for column in self.columns_ if names else ():
            if column not in names:
                meant = suggestion(column, names) or f"known: {', '.join(names)}"
                yield Problem(f"{self.file} has no column {column}", path=f"columns.{column}", suggestion=meant)
        for column in self.columns_:
            for path in self._paths(column):
                if not is_path(path):
                    yield Problem(f"{path!r} is no path", path=f"columns.{column}", suggestion="e.g. fleet.modules")

    def _paths(self, column: str) -> tuple[str, ...]:
        paths = self.columns_.get(column, column)
        return tuple(path for path in ((paths,) if isinstance(paths, str) else paths) if path)

    @property
    def _table(self) -> _Table:
        if self._file.problems:
            raise InputError(self._file.problems)
        return self._file

    @cached_property
    def _file(self) -> _Table:
        return _read(Path(self.file))


def _read(path: Path) -> _Table:
    """Return the table in a CSV file, or everything that is wrong in it."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, strict=True)
            read = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except OSError as error:
        return _Table(problems=(Problem(f"{path} cannot be read: {error.strerror}", path="file"),))
    except (UnicodeDecodeError, csv.Error) as error:
        return _Table(problems=(Problem(f"is no CSV file: {error}", str(path)),))
    problems = list(_wrong(read, str(path)))
    meant = [tuple(_meant(cell, str(path), line, problems) for cell in row) for line, row in read[1:]]
    names, *cells = [tuple(row) for _, row in read] or [()]
    return _Table(names, problems=tuple(problems)) if problems else _Table(names, tuple(cells), tuple(meant))


def _meant(cell: str, file: str, line: int, problems: list[Problem]) -> Any:
    """Return what a cell means."""
    if not cell.startswith(("{", "[", '"', "'")):
        return scalar(cell)
    try:
        return parse(cell, file).data
    except InputError as error:
        problems += [replace(problem, line=line) for problem in error.problems]
        return None


def _place(row: Value) -> int:
    assert isinstance(row, int)
    return row


def _wrong(read: list[tuple[int, list[str]]], file: str) -> Iterator[Problem]:
    if len(read) < 2:
        yield Problem("found no rows; expected a line of names, then a line for each row", file)
        return
    line, names = read[0]
    for place, name in enumerate(names):
        if not is_path(name):
            yield Problem(f"found {name!r} as column {place + 1}; expected a path or a word", file, line)
        elif name in names[:place]:
            yield Problem(f"found the column {name} twice", file, line)
    for line, row in read[1:]:
        if len(row) != len(names):
            yield Problem(f"found {len(row)} values; expected {len(names)}, as there are names", file, line)
