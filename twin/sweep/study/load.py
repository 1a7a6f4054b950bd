"""From a study's file to a study that can be run, or to everything that is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from twin import resources
from twin.errors import InputError, Problem, attempt
from twin.plugins import discover
from twin.scenario.complaints import complaints, found, suggestion
from twin.scenario.document import Document, KeyPath, read
from twin.scenario.kinds import STUDY, expect
from twin.scenario.overrides import apply
from twin.sweep.study import bases
from twin.sweep.study.base import Base
from twin.sweep.study.constraints import Constraints
from twin.sweep.study.design import Space, Units
from twin.sweep.study.factor import Factor
from twin.sweep.study.mistakes import at_base, at_factor, columns_of, section_mistakes
from twin.sweep.study.study import Study

KEPT: Final = "study.yaml"
"""The study's file in the folder that it runs in."""


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
        """Return a mistake that a factor's change makes in the base, at the factor in the study's file."""
        return at_factor(self.document, name, problem)


def load_study(path: Path | str, overrides: Sequence[str] = ()) -> LoadedStudy:
    """Return the study in a file, or in the folder of one that has begun, with ``overrides`` applied.

    Where there is no such file, ``path`` may be the name of a study that ships with the package: ``studies/rollouts``.
    Relative paths in it start at the file's folder. Raises InputError with every mistake of file and overrides.
    """
    path = _located(Path(path))
    document = read(path)
    expect(STUDY, document)
    problems = apply(document, overrides)
    base = attempt(problems, lambda: _base(document, path.parent))
    study = attempt(problems, lambda: study_of(document))
    problems += section_mistakes(document, path.parent, base)
    if base is None or study is None or problems:
        raise InputError(_sorted(problems, path))
    space = _space(study, path.parent)
    constraints = Constraints(study.constraints, frozenset(columns_of(space.factors)))
    return LoadedStudy(study, path, base, space, constraints, document)


def read_study(folder: Path) -> Study:
    """Return the study that a folder keeps, whatever it names. Raises InputError with what is wrong in its file."""
    return study_of(read(folder / KEPT))


def study_of(document: Document) -> Study:
    """Return the study in a document. Raises InputError with all that is wrong in its fields."""
    if not isinstance(document.data, dict):
        raise InputError(document.problem((), f"found {found(document.data)}; expected a mapping of keys"))
    try:
        return Study.model_validate_json(json.dumps(document.data), strict=True)
    except ValidationError as error:
        raise InputError(complaints(Study, document, error.errors(include_url=False))) from None


def _located(path: Path) -> Path:
    if (path / KEPT).is_file():
        return path / KEPT
    if path.is_dir():
        raise InputError(Problem(f"holds no study: there is no {KEPT} in it", str(path)))
    scenarios = resources.folder("scenarios")
    shipped = scenarios / f"{path}.yaml"
    if path.exists() or shipped.is_file():
        return path if path.exists() else shipped
    known = [f"studies/{file.stem}" for file in sorted((scenarios / "studies").glob("*.yaml"))]
    message = "cannot be read: there is no such file, and no study of that name ships"
    raise InputError(Problem(message, str(path), suggestion=suggestion(str(path), known)))


def _sorted(problems: Sequence[Problem], path: Path) -> Iterator[Problem]:
    """Yield the study's own mistakes by line, then those of other files; each once."""
    own = sorted((problem for problem in problems if problem.file == str(path)), key=lambda own: own.line or 0)
    yield from dict.fromkeys([*own, *(problem for problem in problems if problem.file != str(path))])


def _base(document: Document, folder: Path) -> Base | None:
    """Return the base, also of a study with other mistakes; None where the file does not say it."""
    data = document.data if isinstance(document.data, dict) else {}
    name, changes = data.get("base"), data.get("set")
    if not isinstance(name, str) or not name:
        return None
    texts = [text for text in changes if isinstance(text, str)] if isinstance(changes, list) else []
    path = folder / name if (folder / name).is_file() else Path(name)
    for kind in discover(bases, Base).values():  # type: ignore[type-abstract]
        if path.suffix.lower() in kind.suffixes:
            return _opened(kind, path, texts, document)
    raise InputError(document.problem(("base",), f"found {name!r}; expected a scenario's .yaml file, or a .py file"))


def _opened(kind: type[Base], path: Path, texts: Sequence[str], document: Document) -> Base:
    """Return the base; mistakes that the study's own changes make in it are told at their lines."""
    try:
        return kind(path, texts)
    except InputError as error:
        places: dict[str, KeyPath] = {f"--set {text}": ("set", place) for place, text in enumerate(texts)}
        places[str(path)] = ("base",)
        raise InputError(at_base(document, places, path, problem) for problem in error.problems) from None


def _space(study: Study, folder: Path) -> Space:
    factors: Mapping[str, Factor] = {name: factor.located(folder) for name, factor in study.factors.items()}
    objectives = {name: one.objective for name, one in study.responses.items() if one.objective != "none"}
    constraints = Constraints(study.constraints, frozenset(columns_of(factors)))
    return Space(factors, study.seed, objectives, partial(_keeps, factors, constraints.factor_only))


def _keeps(factors: Mapping[str, Factor], constraints: Constraints, units: Units) -> bool:
    """Say whether a place keeps constraints on factors alone; true counts as 1."""
    if not constraints.expressions:
        return True
    columns = columns_of(factors, units)
    return constraints.kept({name: value for name, value in columns.items() if isinstance(value, int | float)})
