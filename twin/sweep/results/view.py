"""What the report of a study looks at: its rows, with means over replications, in arrays."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from twin.analysis.metric_tables import number
from twin.analysis.thinning import Floats
from twin.sweep.folder import Point, StudyFolder
from twin.sweep.results.table import numbers_of, percent_of, table_of, title_of, unit_of
from twin.sweep.study.constraints import Constraints
from twin.sweep.study.designs.grid import Grid
from twin.sweep.study.designs.saltelli import Saltelli
from twin.sweep.study.factor import Factor, Value
from twin.sweep.study.factors.levels import Levels
from twin.sweep.study.factors.rows import Rows
from twin.sweep.study.study import Response, Study

Sampling = Literal["complete", "lines", "blocks", "search", "sample"]
"""How rows lie in the space, which decides what may be concluded from them: ``complete``: every level with every other;
``lines``: one factor at a time; ``blocks``: those that Sobol indices take; ``search``: where it looked good;
``sample``: all over."""

Booleans: TypeAlias = npt.NDArray[np.bool_]
Codes: TypeAlias = npt.NDArray[np.int64]


_LARGE: Final = 1e7
"""Larger numbers are not written out."""
KEPT: Final = 64
"""Findings that are remembered while a page is written: those of its responses."""


_SELDOM: Final = 5
"""Of so many rows nobody can tell what made them differ from the others, which are all the same."""


@dataclass(frozen=True)
class Absent:
    """Why something of a report cannot be had."""

    reason: str


def seldom(values: Floats) -> Absent | None:
    """Return why values that were drawn do not tell what makes them differ, if hardly any of them does."""
    away = len(values) - int(np.unique(values, return_counts=True)[1].max(initial=0))
    if away >= min(_SELDOM, len(values) / 2):
        return None
    return Absent(f"all but {away} of {len(values)} rows have the same value")


@dataclass(frozen=True, eq=False)
class FactorView:
    """A factor at the rows of a study."""

    name: str
    units: Floats
    """``[row]``: the coordinate."""
    labels: Sequence[str]
    """``[row]``: the value as text."""
    values: Floats | None
    """``[row]``: the value where it is a number."""
    continuous: bool
    log: bool
    """Whether its values are spread more evenly over their logarithm."""

    @cached_property
    def codes(self) -> Codes:
        """``[row]``: which of the factor's levels it is, in their order."""
        return np.asarray(np.unique(self.places, return_inverse=True)[1])

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """The values that there are, in the order of numbers or of the factor."""
        first = np.unique(self.codes, return_index=True)[1]
        return tuple(self.labels[row] for row in first)

    @cached_property
    def places(self) -> Floats:
        """``[row]``: where a value stands among the others: the number itself, or the place in the list of values."""
        if self.values is not None:
            return self.values
        firsts: dict[str, float] = {}
        for row in np.argsort(self.units, kind="stable"):
            firsts.setdefault(self.labels[row], float(len(firsts)))
        return np.array([firsts[label] for label in self.labels])


@dataclass(frozen=True, eq=False)
class ResponseView:
    """A response at the rows of a study."""

    name: str
    title: str
    unit: str
    percent: bool
    objective: Literal["none", "minimize", "maximize"]
    values: Floats
    """``[row]``: mean over the replications that gave it; NaN where none did."""
    errors: Floats
    """``[row]``: standard error of that mean; NaN of a single one."""
    counts: Floats
    """``[row]``: how many replications gave it."""

    @property
    def known(self) -> Booleans:
        """``[row]``: where there is a value that can be drawn."""
        return np.isfinite(self.values)

    @property
    def sign(self) -> float:
        """What to multiply with so that less is better."""
        return -1.0 if self.objective == "maximize" else 1.0

    @property
    def best(self) -> str:
        """What the best value is called; empty where nothing is better."""
        return {"minimize": "lowest", "maximize": "highest", "none": ""}[self.objective]

    @property
    def constant(self) -> bool:
        """Whether it is the same at every row that has a value."""
        return bool(self.known.any()) and float(np.ptp(self.values[self.known])) == 0.0

    @property
    def lowered(self) -> str:
        """The title within a sentence; a name such as SOC keeps its capitals."""
        return self.title[:1].lower() + self.title[1:] if self.title[1:2].islower() else self.title

    @property
    def scale(self) -> float:
        """What to multiply with for axes; shares are told in per cent."""
        return 100.0 if self.percent else 1.0

    @property
    def axis(self) -> str:
        """The title of an axis."""
        unit = "%" if self.percent else self.unit
        return self.title if unit in ("", "1") else f"{self.title}, {unit}"

    def said(self, value: float) -> str:
        """Return a value as text."""
        if abs(value) >= _LARGE and math.isfinite(value):
            return f"{value:.4g} {self.unit}".removesuffix(" 1").strip()
        return number(value, self.unit or "1", percent=self.percent)

    def said_at(self, row: int) -> str:
        """Return the value of a row as text, with its 95 % interval where there are replications."""
        said, error = self.said(self.values[row]), self.errors[row]
        if not error > 0.0:  # NaN of a single replication
            return said
        half = self.scale * float(stats.t.ppf(0.975, self.counts[row] - 1) * error)
        value, _, unit = said.partition(" ")
        return f"{value} ± {f'{half:,.0f}' if half >= 100.0 else f'{half:.2g}'} {unit}".strip()


@dataclass(frozen=True, eq=False)
class StudyView:
    """A study and what came of it so far."""

    study: Study
    table: pd.DataFrame
    broken: Mapping[str, int]
    """Of every constraint: how many rows that are done break it, or leave open whether they do."""
    rows: pd.DataFrame
    """A line a row of the design that has a result, or will have: row, done, of, feasible."""
    factors: tuple[FactorView, ...]
    responses: tuple[ResponseView, ...]

    @classmethod
    def of(cls, folder: StudyFolder) -> Self:
        """Return the study in a folder. Raises InputError if it holds none."""
        study, table = folder.study(), table_of(folder)
        points = {point.row: point for point in folder.design()}
        numbers = sorted(points)
        responses = _told_apart([_response(name, one, table, numbers) for name, one in study.responses.items()])
        columns = [_columns_of(points[row], responses, place) for place, row in enumerate(numbers)]
        rows = _rows(table, numbers, columns, Constraints(study.constraints))
        done = [column for column, count in zip(columns, rows["done"], strict=True) if count]
        broken = {text: sum(not Constraints((text,)).kept(one) for one in done) for text in study.constraints}
        factors = tuple(_factors(study, folder, [points[row] for row in numbers]))
        return cls(study, table, broken, rows, factors, responses)

    @property
    def feasible(self) -> Booleans:
        """``[row]``: whether it is done and keeps all constraints, by means over its replications."""
        return self.rows["feasible"].to_numpy()

    @cached_property
    def sampling(self) -> Sampling:
        """How the rows lie in the space."""
        if self.study.design.adaptive:
            return "search"
        if isinstance(self.study.design, Saltelli):
            return "blocks"
        cells = np.prod([float(len(factor.levels)) for factor in self.factors])
        if cells == len(self.rows) and self.rows["done"].gt(0).all():
            return "complete"
        return "lines" if len(self.varied) > 1 and self.away.sum(axis=1).max() <= 1 else "sample"

    @property
    def gridded(self) -> bool:
        """Whether every level meets every other by design, though rows may have failed or be open."""
        return isinstance(self.study.design, Grid)

    @cached_property
    def away(self) -> Booleans:
        """``[row, factor]``: where a factor that varies is not at the level that most rows have."""
        centres = [np.bincount(factor.codes).argmax() for factor in self.varied]
        return np.stack([one.codes != centre for one, centre in zip(self.varied, centres, strict=True)], axis=1)

    @cached_property
    def independent(self) -> Booleans:
        """``[row]``: rows that were drawn apart from each other; of Saltelli's blocks the first and the last one."""
        if self.sampling != "blocks":
            return np.ones(len(self.rows), dtype=np.bool_)
        size = self.block_size
        return np.isin(self.rows["row"].to_numpy() % size, (0, size - 1))

    @property
    def block_size(self) -> int:
        """Rows that belong together in a design for Sobol indices."""
        second = isinstance(self.study.design, Saltelli) and self.study.design.second_order
        return (2 if second else 1) * len(self.study.factors) + 2

    @property
    def objectives(self) -> tuple[ResponseView, ...]:
        """The responses of which it is said what is better."""
        return tuple(one for one in self.responses if one.objective != "none")

    @property
    def varied(self) -> tuple[FactorView, ...]:
        """The factors that have more than one value."""
        return tuple(one for one in self.factors if len(one.levels) > 1)

    def said(self, row: int) -> str:
        """Return the factors of a row as text."""
        return ", ".join(f"{factor.name} {factor.labels[row]}" for factor in self.varied)


def _rows(
    table: pd.DataFrame, numbers: Sequence[int], columns: Sequence[Mapping[str, float]], constraints: Constraints
) -> pd.DataFrame:
    """Return a line a row."""
    rows = pd.DataFrame({"row": numbers}, dtype=np.int64).set_index("row", drop=False)
    rows["done"] = table[table["status"] == "done"].groupby("row").size().reindex(rows.index, fill_value=0)
    rows["of"] = table.groupby("row").size()
    kept = [bool(done) and constraints.kept(own) for done, own in zip(rows["done"], columns, strict=True)]
    rows["feasible"] = np.array(kept, dtype=np.bool_)
    return rows.reset_index(drop=True)


def _columns_of(point: Point, responses: Sequence[ResponseView], place: int) -> dict[str, float]:
    """Return what constraints on a row are about: its factors, and means over its replications."""
    return numbers_of(point.factors) | {one.name: float(one.values[place]) for one in responses}


def _factors(study: Study, folder: StudyFolder, points: Sequence[Point]) -> Iterator[FactorView]:
    """Yield the factors; of one that sets rows of a table, each column that says more than which row it is."""
    for place, (name, factor) in enumerate(study.factors.items()):
        units = np.array([point.units[place] for point in points], dtype=np.float64)
        if not isinstance(factor, Rows):
            yield _own(name, factor, units, [point.factors[name] for point in points])
            continue
        numbers = [point.factors[name] for point in points]
        columns = _columns(factor.located(folder.path), name, points)
        for column in columns:
            yield _factor(column, units, [point.factors[column] for point in points])
        if not columns:  # numbers of rows are names, and no quantity
            yield _factor(name, units, [f"#{number}" for number in numbers])


def _columns(factor: Rows, name: str, points: Sequence[Point]) -> list[str]:
    """Return the columns of a table whose values repeat from row to row."""
    if not points:
        return []
    told = [column for column in factor.columns(name, points[0].factors[name]) if column != name]
    count = len({point.factors[name] for point in points})
    return [column for column in told if 1 < len({_text(point.factors[column]) for point in points}) < count]


def _own(name: str, factor: Factor, units: Floats, found: Sequence[Value]) -> FactorView:
    """Return a factor that is one column; names of levels that are numbers, such as 4 and 16 modules, count as such."""
    if isinstance(factor, Levels) and all(_is_number(str(value)) for value in found):
        named = _factor(name, units, [float(str(value)) for value in found])
        return replace(named, labels=tuple(map(str, found)))
    return _factor(name, units, found, continuous=factor.continuous)


def _is_number(text: str) -> bool:
    try:
        return np.isfinite(float(text)).item()
    except ValueError:
        return False


def _factor(name: str, units: Floats, found: Sequence[Value], *, continuous: bool = False) -> FactorView:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in found)
    values = np.array(found, dtype=np.float64) if numbers and found else None
    log = values is not None and _logarithmic(values)
    return FactorView(name, units, tuple(map(_text, found)), values, continuous, log)


def _logarithmic(values: Floats) -> bool:
    """Return whether values are spread more evenly on a logarithmic scale, and over half a decade or more."""
    levels = np.unique(values)
    if len(levels) < 3 or levels[0] <= 0.0 or levels[-1] < 3.0 * levels[0]:
        return False
    spread = (float(np.abs(_unit(of) - np.linspace(0.0, 1.0, len(of))).mean()) for of in (np.log(levels), levels))
    return next(spread) < next(spread)


def _unit(values: Floats) -> Floats:
    return np.asarray((values - values[0]) / (values[-1] - values[0]))


def _text(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value)


def _response(name: str, response: Response, table: pd.DataFrame, rows: Sequence[int]) -> ResponseView:
    """Return a response; values are means over the replications that are done."""
    by_row = table[table["status"] == "done"].astype({name: np.float64}).groupby("row")[name]
    values, errors, counts = (
        found.reindex(rows).to_numpy(np.float64) for found in (by_row.mean(), by_row.sem(), by_row.count())
    )
    facts = (title_of(name, response), unit_of(name, response), percent_of(name, response), response.objective)
    return ResponseView(name, *facts, values, errors, np.nan_to_num(counts))


def _told_apart(responses: Sequence[ResponseView]) -> tuple[ResponseView, ...]:
    """Return the responses with titles that differ."""
    often = Counter(one.title for one in responses)
    return tuple(replace(one, title=f"{one.title} ({one.name})") if often[one.title] > 1 else one for one in responses)
