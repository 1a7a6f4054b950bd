"""From rows of a design to points that can be run, or to everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from twin.errors import InputError, Problem, attempt
from twin.sweep.folder import Point
from twin.sweep.study.base import Change, Content
from twin.sweep.study.design import Units
from twin.sweep.study.factor import Value, spelled
from twin.sweep.study.load import LoadedStudy
from twin.sweep.study.mistakes import columns_of

MOST_PROBLEMS: Final = 20
"""More mistakes of rows are counted, not listed."""


@dataclass(frozen=True)
class Prepared:
    """A point, and what is to be run for it."""

    point: Point
    content: Content


@dataclass(frozen=True)
class _Row:
    """What a place of the design stands for."""

    number: int
    units: Units
    columns: Mapping[str, Value]
    changes: tuple[Change, ...]
    by: Mapping[str, str]
    """The factor that makes a change, by the change as it is spelled."""


def points_of(loaded: LoadedStudy, rows: Sequence[Units], first_row: int = 0) -> list[Prepared]:
    """Return the points of rows, replication by replication; ``first_row`` is the number of the first of them.

    Rows that break a constraint of factors alone are left out. Two rows of equal content share an id. Raises
    InputError with the mistakes of all rows, each once, at the factor in the study's file that makes it.
    """
    points: list[Prepared] = []
    wrong: dict[Problem, list[_Row]] = {}
    kept = list(_kept(loaded, rows, first_row))
    if rows and not (kept or loaded.study.design.adaptive):
        message = "no row of the design keeps the constraints on factors"
        raise InputError(loaded.document.problem(("constraints",), message))
    for row in kept:
        problems: list[Problem] = []
        for replication in range(loaded.study.replications):
            prepared = attempt(problems, partial(_prepared, loaded, row, replication))
            if prepared is None:
                break
            points.append(prepared)
        for problem in problems:
            wrong.setdefault(_placed(problem, row, loaded), []).append(row)
    if wrong:
        raise InputError(_listed(wrong))
    return points


def _kept(loaded: LoadedStudy, rows: Sequence[Units], first_row: int) -> Iterator[_Row]:
    for number, units in enumerate(rows, first_row):
        if loaded.space.allowed(units):
            yield _row(loaded, number, tuple(units))


def _row(loaded: LoadedStudy, number: int, units: Units) -> _Row:
    changes: list[Change] = []
    by: dict[str, str] = {}
    for (name, factor), unit in zip(loaded.space.factors.items(), units, strict=True):
        own = factor.changes(name, factor.value(unit))
        changes += own
        by.update((spelled(*change), name) for change in own)
    return _Row(number, units, columns_of(loaded.space.factors, units), tuple(changes), by)


def _prepared(loaded: LoadedStudy, row: _Row, replication: int) -> Prepared:
    first = loaded.study.seed if loaded.base.seed is None else loaded.base.seed
    seed = first + replication
    content = loaded.base.content(row.changes, seed)
    return Prepared(Point(content.id, row.number, replication, seed, row.units, row.columns), content)


def _placed(problem: Problem, row: _Row, loaded: LoadedStudy) -> Problem:
    """Return a mistake that a change makes as one of its factor."""
    factor = row.by.get(problem.file or "")
    if factor is None:
        return problem
    return loaded.at_factor(factor, problem)


def _listed(wrong: Mapping[Problem, Sequence[_Row]]) -> Iterator[Problem]:
    for problem, rows in list(wrong.items())[:MOST_PROBLEMS]:
        first = rows[0]
        values = ", ".join(f"{name}={value}" for name, value in first.columns.items())
        more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
        yield replace(problem, message=f"{problem.message}; row {first.number} ({values}){more}")
    if len(wrong) > MOST_PROBLEMS:
        yield Problem(f"and {len(wrong) - MOST_PROBLEMS} more mistakes in rows of the design")
