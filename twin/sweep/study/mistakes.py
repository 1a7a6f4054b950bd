"""What can be wrong with a study beyond single fields, each mistake at its line of the study's file.

The sections are looked at one by one, so that a mistake in one of them hides none of another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import TypeAdapter, ValidationError

from twin.errors import InputError, Problem
from twin.scenario.complaints import suggestion
from twin.scenario.document import Document, KeyPath, key_path
from twin.sweep.study.base import Base, Change
from twin.sweep.study.columns import FIXED
from twin.sweep.study.constraints import Constraint, constraint_of
from twin.sweep.study.design import Space, Units
from twin.sweep.study.factor import Factor, Value, spelled
from twin.sweep.study.study import Response, Study

_LEVELS_TRIED: Final = 64
"""So many levels of a factor are tried before anything is run; the design's rows are in any case."""


def columns_of(factors: Mapping[str, Factor], units: Units | None = None) -> dict[str, Value]:
    """Return what the table says of factors at a place of the unit cube, or at their first levels."""
    units = first_levels(factors) if units is None else units
    places = zip(factors.items(), units, strict=True)
    columns = (factor.columns(name, factor.value(unit)) for (name, factor), unit in places)
    return {column: value for one in columns for column, value in one.items()}


def first_levels(factors: Mapping[str, Factor]) -> Units:
    """Return the place where every factor has its first level."""
    return tuple(factor.levels(2)[0] for factor in factors.values())


def section_mistakes(document: Document, folder: Path, base: Base | None) -> Iterator[Problem]:
    """Yield what is wrong with factors, responses and constraints that are right in their fields."""
    factors: dict[str, Factor] = {}
    for name, factor in _sound(document, "factors").items():
        located = factor.located(folder)
        own = [_own(document, ("factors", name), problem) for problem in located.mistakes()]
        yield from own
        if not own:
            factors[name] = located
    responses = _sound(document, "responses")
    if base:
        yield from _metrics(responses, base, document)
        paths = list(_paths(base, factors, document))
        yield from paths
        if not paths and len(factors) == len(_entries(document, "factors")):
            yield from _first_row(base, factors)
    yield from _columns(factors, responses, document)
    yield from _constraints(factors, document)
    yield from _design(factors, responses, document)


def at_factor(document: Document, name: str, problem: Problem) -> Problem:
    """Return a mistake that a change makes in the base, whose file is the change as it is spelled, at its factor."""
    change = problem.file or ""
    inside = f"{problem.path}: " if problem.path and problem.path != change.partition("=")[0] else ""
    return document.problem(("factors", name), f"{change}: {inside}{problem.message}", problem.suggestion)


def at_base(document: Document, places: Mapping[str, KeyPath], base: Path, problem: Problem) -> Problem:
    """Return a mistake of the base at the line of the study that makes it: of ``set``, or of ``base``."""
    file = problem.file or ""
    if file == str(base) and problem.line is not None:
        return problem
    if file not in places:
        return problem
    inside = f"{problem.path}: " if problem.path else ""
    subject = f"{file} " if file == str(base) else ""
    return document.problem(places[file], f"{subject}{inside}{problem.message}", problem.suggestion)


def _own(document: Document, above: KeyPath, problem: Problem) -> Problem:
    """Return a mistake of a part of the study, whose path starts at the part, at its place in the file."""
    if problem.file is not None:
        return problem
    return document.problem((*above, *key_path(problem.path or "")), problem.message, problem.suggestion)


def _sound(document: Document, section: str) -> dict[str, Any]:
    """Return the entries of a section that are right in themselves, whatever is wrong elsewhere."""
    sound: dict[str, Any] = {}
    for name, entry in _entries(document, section).items():
        sound.update(_meant(section, {name: entry}) or {})
    return sound


def _field(document: Document, name: str) -> Any:
    """Return a field of the study, its default where it is not stated, or None where it is wrong or must be stated."""
    data = document.data if isinstance(document.data, dict) else {}
    field = Study.model_fields[name]
    if name in data:
        return _meant(name, data[name])
    return None if field.is_required() else field.default


def _meant(name: str, data: Any) -> Any:
    """Return what stands in a field as it is meant; None where it is wrong: the study's own validation tells it."""
    field = Study.model_fields[name]
    annotation: Any = Annotated[field.annotation, field]  # with its limits, and the key that tells kinds apart
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    try:
        return adapter.validate_json(json.dumps(data), strict=True)
    except ValidationError:
        return None


def _entries(document: Document, section: str) -> Mapping[str, Any]:
    entries = document.data.get(section) if isinstance(document.data, dict) else None
    return entries if isinstance(entries, dict) else {}


def _design(factors: Mapping[str, Factor], responses: Mapping[str, Response], document: Document) -> Iterator[Problem]:
    """Yield what is wrong with a design that is right in its fields.

    Whether it fits is asked only where all factors and responses are right: it may speak of those that are not. Its
    points are counted in any case: right factors instead of wrong ones would make no fewer.
    """
    design = _field(document, "design")
    if not design or not factors:
        return
    space = Space(factors, 0, {name: one.objective for name, one in responses.items() if one.objective != "none"})
    sections = ("factors", factors), ("responses", responses)
    whole = all(len(sound) == len(_entries(document, section)) for section, sound in sections)
    mistakes = design.mistakes(space) if whole else ()
    yield from (_own(document, ("design",), problem) for problem in mistakes)
    most = _field(document, "most_points")
    points = 0 if mistakes else design.count(space) * (_field(document, "replications") or 1)
    if most and points > most:
        message = f"found a design of {points} points; expected at most {most}"
        yield document.problem(("design",), message, "most_points may be raised")
    if design.complete:
        yield from _left_out(factors, design.kind, document)


def _left_out(factors: Mapping[str, Factor], design: str, document: Document) -> Iterator[Problem]:
    """Yield constraints that would leave out rows of a design that needs all of them."""
    columns = set(columns_of(factors))
    for place, text in enumerate(_field(document, "constraints") or ()):
        with suppress(InputError):  # told with the constraints
            if columns.issuperset(constraint_of(text).mentions):
                message = f"leaves out rows, of which the design {design} needs every one"
                yield document.problem(("constraints", place), message)


def _metrics(responses: Mapping[str, Response], base: Base, document: Document) -> Iterator[Problem]:
    known = base.metrics()
    for name, response in responses.items():
        metric = response.metric or name
        path = ("responses", name, "metric") if response.metric else ("responses", name)
        if known is not None and metric not in known:
            yield document.problem(path, f"there is no metric {metric}", suggestion(metric, list(known)))
        if response.statistic != "mean" and (known is None or metric.startswith("rule_")):
            message = f"found {response.statistic!r}; a rule and what a function returns have only 'mean'"
            yield document.problem(("responses", name, "statistic"), message)


def _paths(base: Base, factors: Mapping[str, Factor], document: Document) -> Iterator[Problem]:
    """Yield paths that the base does not have, values that cannot stand there, and paths of two factors.

    Each level is tried beside the first ones of the other factors. Whether values agree with each other is seen when
    the points of the design are made.
    """
    first = {name: _first(name, factor) for name, factor in factors.items()}
    whose: dict[str, str] = {}
    told: set[tuple[str | None, str]] = set()
    for name, factor in factors.items():
        for unit in factor.levels(2)[:_LEVELS_TRIED]:
            own = factor.changes(name, factor.value(unit))
            changes = [change for one in {**first, name: own}.values() for change in one]
            spellings = {spelled(*change) for change in own}
            for problem in base.mistakes(changes):
                mistake = problem.path, problem.message
                if problem.file in spellings and mistake not in told:  # an unknown path is one, not one a level
                    told.add(mistake)
                    yield at_factor(document, name, problem)
            for path, _ in own:
                if whose.setdefault(path, name) != name:
                    yield document.problem(("factors", name), f"the factor {whose[path]} sets {path} already")


def _first_row(base: Base, factors: Mapping[str, Factor]) -> Iterator[Problem]:
    """Yield what is wrong with the base where all factors, right in themselves, have their first levels together."""
    changes = [change for name, factor in factors.items() for change in _first(name, factor)]
    own = {spelled(*change) for change in changes}
    yield from (problem for problem in base.mistakes(changes) if problem.file not in own)


def _first(name: str, factor: Factor) -> Sequence[Change]:
    return factor.changes(name, factor.value(factor.levels(2)[0]))


def _columns(factors: Mapping[str, Factor], responses: Mapping[str, Response], document: Document) -> Iterator[Problem]:
    """Yield factors and responses that would share a column of the table."""
    taken = dict.fromkeys(FIXED, "the table's own")
    for name, factor in factors.items():
        for column in factor.columns(name, factor.value(factor.levels(2)[0])):
            if column in taken:
                yield document.problem(("factors", name), f"the column {column} is {taken[column]}")
            taken[column] = f"the factor {name}'s"
    for name in responses:
        if name in taken:
            yield document.problem(("responses", name), f"the column {name} is {taken[name]}")


def _constraints(factors: Mapping[str, Factor], document: Document) -> Iterator[Problem]:
    data = document.data if isinstance(document.data, dict) else {}
    stated = [name for section in ("factors", "responses") for name in _entries(document, section)]
    known = list(dict.fromkeys([*stated, *columns_of(factors)]))
    texts = data.get("constraints")
    for place, text in enumerate(texts if isinstance(texts, list) else ()):
        if isinstance(text, str):
            try:
                problems = list(_mentions(constraint_of(text), known, factors))
            except InputError as error:
                problems = list(error.problems)
            yield from (_own(document, ("constraints", place), problem) for problem in problems)


def _mentions(constraint: Constraint, known: Sequence[str], factors: Mapping[str, Factor]) -> Iterator[Problem]:
    """Yield names that a constraint does not know or cannot count with."""
    words = _words(factors)
    for name in constraint.mentions:
        if name not in known:
            meant = suggestion(name, known) or f"known: {', '.join(known)}"
            yield Problem(f"there is no factor or response {name}", suggestion=meant)
        elif name in words:
            yield Problem(f"{name} has values that are no numbers: {words[name]!r}")


def _words(factors: Mapping[str, Factor]) -> dict[str, Value]:
    """Return a value that is no number of each column that has one."""
    words: dict[str, Value] = {}
    for name, factor in factors.items():
        for unit in factor.levels(2)[:_LEVELS_TRIED]:
            columns = factor.columns(name, factor.value(unit))
            words.update({column: one for column, one in columns.items() if not isinstance(one, int | float)})
    return words
