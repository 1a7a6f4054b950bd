"""From a study's file to a study that can be run, or to everything that is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from twin import resources
from twin.errors import InputError, Problem, attempt
from twin.plugins import discover
from twin.scenario.complaints import complaints, found, suggestion
from twin.scenario.document import Document, KeyPath, key_path, read
from twin.scenario.overrides import apply
from twin.sweep import bases
from twin.sweep.base import Base
from twin.sweep.constraints import Constraints, constraint_of
from twin.sweep.design import Space, Units
from twin.sweep.factor import Factor, Value, spelled
from twin.sweep.study import Study
from twin.sweep.table import FIXED

STUDY: Final = "study.yaml"
"""The study's file in the folder that it runs in."""
_LEVELS_TRIED: Final = 64
"""So many levels of a factor are tried before anything is run; the design's rows are in any case."""


@dataclass(frozen=True, eq=False)
class LoadedStudy:
    """A study with all that its file names."""

    study: Study
    path: Path
    base: Base
    space: Space
    constraints: Constraints
    document: Document = field(repr=False)

    def at_factor(self, name: str, problem: Problem) -> Problem:
        """Return a mistake that a factor's change makes in the base, at the factor."""
        return at_factor(self.document, name, problem)


def load_study(path: Path | str, overrides: Sequence[str] = ()) -> LoadedStudy:
    """Return the study in a file, or in the folder of one that has begun, with ``overrides`` applied.

    Where there is no such file, ``path`` may be the name of a study that ships with the package: ``studies/rollouts``.
    Relative paths in it start at the file's folder. Raises InputError with every mistake of file and overrides.
    """
    path = _located(Path(path))
    document = read(path)
    problems = apply(document, overrides)
    base = attempt(problems, lambda: _base(document, path.parent))
    study = attempt(problems, lambda: _study(document))
    if study is None:
        raise InputError(_sorted(problems, path))
    space = _space(study, path.parent)
    problems += _mistakes(study, space, base, document)
    if base is None or problems:
        raise InputError(_sorted(problems, path))
    constraints = Constraints(study.constraints, frozenset(_columns(space)))
    allowed = partial(keeps, space.factors, constraints.factor_only)
    return LoadedStudy(study, path, base, replace(space, allowed=allowed), constraints, document)


def read_study(folder: Path) -> Study:
    """Return the study that a folder keeps, whatever it names. Raises InputError with what is wrong in its file."""
    return _study(read(folder / STUDY))


def columns_of(factors: Mapping[str, Factor], units: Units) -> dict[str, Value]:
    """Return what the table says of factors at a place of the unit cube."""
    places = zip(factors.items(), units, strict=True)
    columns = (factor.columns(name, factor.value(unit)) for (name, factor), unit in places)
    return {column: value for one in columns for column, value in one.items()}


def keeps(factors: Mapping[str, Factor], constraints: Constraints, units: Units) -> bool:
    """Say whether a place keeps constraints on factors alone; true counts as 1."""
    if not constraints.expressions:
        return True
    columns = columns_of(factors, units)
    return constraints.kept({name: value for name, value in columns.items() if isinstance(value, int | float)})


def _located(path: Path) -> Path:
    shipped = resources.folder("scenarios") / f"{path}.yaml"
    if (path / STUDY).is_file():
        return path / STUDY
    return shipped if shipped.is_file() and not path.exists() else path


def _sorted(problems: Sequence[Problem], path: Path) -> Iterator[Problem]:
    """Yield the study's own mistakes by line, then those of other files; each once."""
    own = sorted((problem for problem in problems if problem.file == str(path)), key=lambda own: own.line or 0)
    yield from dict.fromkeys([*own, *(problem for problem in problems if problem.file != str(path))])


def _study(document: Document) -> Study:
    if not isinstance(document.data, dict):
        raise InputError(document.problem((), f"found {found(document.data)}; expected a mapping of keys"))
    try:
        return Study.model_validate_json(json.dumps(document.data), strict=True)
    except ValidationError as error:
        raise InputError(complaints(Study, document, error.errors(include_url=False))) from None


def _base(document: Document, folder: Path) -> Base | None:
    """Return the base, None where the file does not say it; also of a study with other mistakes."""
    data = document.data if isinstance(document.data, dict) else {}
    name, changes = data.get("base"), data.get("set", [])
    if not isinstance(name, str) or not name:
        return None
    texts = [text for text in changes if isinstance(text, str)] if isinstance(changes, list) else []
    beside = folder / name
    path = beside if beside.is_file() else Path(name)
    for kind in discover(bases, Base).values():
        if path.suffix.lower() in kind.suffixes:
            return _opened(kind, path, texts, document)
    raise InputError(document.problem(("base",), f"found {name!r}; expected a scenario's .yaml file, or a .py file"))


def _opened(kind: type[Base], path: Path, texts: Sequence[str], document: Document) -> Base:
    """Return the base; mistakes of the study's own changes of it are told at their lines."""
    try:
        return kind(path, texts)
    except InputError as error:
        options = {f"--set {text}": place for place, text in enumerate(texts)}
        raise InputError(
            _at(document, ("set", options[problem.file]), problem) if problem.file in options else problem
            for problem in error.problems
        ) from None


def _at(document: Document, path: KeyPath, problem: Problem) -> Problem:
    """Return the problem at a place of the study; what it is about in the base becomes part of the message."""
    message = f"{problem.path}: {problem.message}" if problem.path else problem.message
    return document.problem(path, message, problem.suggestion)


def _space(study: Study, folder: Path) -> Space:
    factors = {name: factor.located(folder) for name, factor in study.factors.items()}
    objectives = {name: one.objective for name, one in study.responses.items() if one.objective != "none"}
    return Space(factors, study.seed, objectives)


def _mistakes(study: Study, space: Space, base: Base | None, document: Document) -> list[Problem]:
    """Return what is wrong beyond single fields; broken factors are not asked for their levels."""
    wrong = list(_factor_mistakes(space, document))
    sound = not wrong
    wrong += _metrics(study, base, document)
    if sound:
        wrong += _design_mistakes(study, space, document)
        wrong += _names(study, space, document)
        wrong += _paths(base, space, document) if base else ()
    names = _columns(space) if sound else tuple(space.factors)
    return [*wrong, *_constraint_mistakes(study, (*names, *study.responses), document)]


def _factor_mistakes(space: Space, document: Document) -> Iterator[Problem]:
    for name, factor in space.factors.items():
        yield from (_own(document, ("factors", name), problem) for problem in factor.mistakes())


def _design_mistakes(study: Study, space: Space, document: Document) -> Iterator[Problem]:
    mistakes = study.design.mistakes(space)
    yield from (_own(document, ("design",), problem) for problem in mistakes)
    points = 0 if mistakes else study.design.count(space) * study.replications
    if points > study.most_points:
        message = f"found a design of {points} points; expected at most {study.most_points}"
        yield document.problem(("design",), message, "most_points may be raised")


def at_factor(document: Document, name: str, problem: Problem) -> Problem:
    """Return a mistake that a change makes in the base, whose file is the change as it is spelled, at its factor."""
    change = problem.file or ""
    inside = f"{problem.path}: " if problem.path and problem.path != change.partition("=")[0] else ""
    return document.problem(("factors", name), f"{change}: {inside}{problem.message}", problem.suggestion)


def _own(document: Document, above: KeyPath, problem: Problem) -> Problem:
    """Return a mistake of a part of the study, whose path starts at the part, at its place in the file."""
    if problem.file is not None:
        return problem
    return document.problem((*above, *key_path(problem.path or "")), problem.message, problem.suggestion)


def _metrics(study: Study, base: Base | None, document: Document) -> Iterator[Problem]:
    known = base.metrics() if base else None
    for name, response in study.responses.items():
        path = ("responses", name, "metric") if response.metric else ("responses", name)
        metric = response.metric or name
        if known is not None and metric not in known:
            yield document.problem(path, f"there is no metric {metric}", suggestion(metric, list(known)))


def _columns(space: Space) -> tuple[str, ...]:
    """Return the columns that are known before a point runs."""
    return tuple(columns_of(space.factors, _first(space)))


def _first(space: Space) -> Units:
    return tuple(factor.levels(2)[0] for factor in space.factors.values())


def _names(study: Study, space: Space, document: Document) -> Iterator[Problem]:
    """Yield factors and responses that would share a column of the table."""
    taken = dict.fromkeys(FIXED, "the table's own")
    for name, factor in space.factors.items():
        for column in factor.columns(name, factor.value(factor.levels(2)[0])):
            if column in taken:
                yield document.problem(("factors", name), f"the column {column} is {taken[column]} already")
            taken[column] = f"the factor {name}'s"
    for name in study.responses:
        if name in taken:
            yield document.problem(("responses", name), f"the column {name} is {taken[name]} already")


def _constraint_mistakes(study: Study, names: Sequence[str], document: Document) -> Iterator[Problem]:
    for place, text in enumerate(study.constraints):
        path = ("constraints", place)
        try:
            mentions = constraint_of(text).mentions
        except InputError as error:
            yield from (_own(document, path, problem) for problem in error.problems)
        else:
            for name in mentions:
                if name not in names:
                    meant = suggestion(name, names) or f"known: {', '.join(names)}"
                    yield document.problem(path, f"there is no factor or response {name}", meant)


def _paths(base: Base, space: Space, document: Document) -> Iterator[Problem]:
    """Yield paths that the base does not have, and values that cannot stand there.

    Each level is tried beside the first ones of the other factors. Whether values agree with each other is seen when the points of the design are made.
    """
    first = {
        name: factor.changes(name, factor.value(unit))
        for (name, factor), unit in zip(space.factors.items(), _first(space), strict=True)
    }
    for name, factor in space.factors.items():
        for unit in factor.levels(2)[:_LEVELS_TRIED]:
            own = factor.changes(name, factor.value(unit))
            changes = [change for one in {**first, name: own}.values() for change in one]
            spellings = {spelled(*change) for change in own}
            problems = base.mistakes(changes)
            yield from (at_factor(document, name, one) for one in problems if one.file in spellings)
