"""From a YAML file to a scenario, or to everything that is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from twin import resources
from twin.errors import InputError, Problem
from twin.scenario import files
from twin.scenario.checks import Mistake, View, mistakes
from twin.scenario.complaints import complaints, found
from twin.scenario.document import Document, key_path, read
from twin.scenario.kinds import SCENARIO, expect
from twin.scenario.models import Scenario
from twin.scenario.overrides import apply


def load(path: Path | str, overrides: Sequence[str] = ()) -> Scenario:
    """Return the scenario in a file, with ``overrides`` such as ``fleet.sites=3`` applied.

    Where there is no such file, ``path`` may be the name of a scenario that ships with the package: ``home_fleet``.
    Relative paths in it start at the file's folder and come back absolute.

    Raises InputError with every mistake of the file and the overrides.
    """
    path = located(path)
    document = read(path)
    expect(SCENARIO, document)
    return checked(document, path.parent, apply(document, overrides))


def checked(document: Document, folder: Path, problems: Sequence[Problem] = ()) -> Scenario:
    """Return the scenario in a document that was read and changed; its relative paths start at ``folder``.

    The document's data are left with these paths absolute. Raises InputError with every mistake, and ``problems``.
    """
    if not isinstance(document.data, dict):
        raise InputError([*problems, document.problem((), f"found {found(document.data)}; expected a mapping of keys")])
    document.data = files.from_folder(document.data, folder)
    scenario, mistaken = validated(document)
    problems = [*problems, *mistaken, *_disagreements(document)]
    if scenario is None or problems:
        name = document.root.file
        own = sorted((problem for problem in problems if problem.file == name), key=lambda own: own.line or 0)
        raise InputError([*own, *(problem for problem in problems if problem.file != name)])
    return scenario


def located(path: Path | str) -> Path:
    """Return where a scenario is: the path, or the file of one that ships under that name."""
    shipped = resources.folder("scenarios") / f"{path}.yaml"
    return shipped if shipped.is_file() and not Path(path).exists() else Path(path)


@contextmanager
def placed(path: Path | str, overrides: Sequence[str] = ()) -> Iterator[None]:
    """Give the mistakes that are found in a scenario after ``load``, which name its fields only, file and line."""
    try:
        yield
    except InputError as error:
        document = read(located(path))
        apply(document, overrides)
        raise InputError(_placed(problem, document) for problem in error.problems) from None


def _placed(problem: Problem, document: Document) -> Problem:
    keys = key_path(problem.path or "")
    if problem.file is not None or not keys or keys[0] not in Scenario.model_fields:
        return problem
    place = document.place(keys)
    return replace(problem, file=place.file, line=place.line)


def validated(document: Document) -> tuple[Scenario | None, Iterator[Problem]]:
    """Return the scenario in a document, or what is wrong with single fields, whatever does not agree between them."""
    try:
        # As JSON, strictly: a text is no number and 1 is not true, but a time may be written as text.
        return Scenario.model_validate_json(json.dumps(document.data), strict=True), iter(())
    except ValidationError as error:
        return None, complaints(Scenario, document, error.errors(include_url=False))


def _disagreements(document: Document) -> Iterator[Problem]:
    for mistake in mistakes(View(document.data)):
        if isinstance(mistake, Mistake):
            yield document.problem(mistake.path, mistake.message, mistake.suggestion)
        else:
            yield mistake
