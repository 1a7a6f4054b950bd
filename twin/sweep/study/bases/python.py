"""A Python function as the base of a study: for a formula, or a simulator of another kind."""

from __future__ import annotations

import importlib.util
import inspect
import json
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from twin.errors import InputError, Problem
from twin.scenario.complaints import suggestion
from twin.scenario.overrides import parsed
from twin.sweep.study.base import FROM_POINT, Base, Change, Content, Inputs, id_of
from twin.sweep.study.factor import spelled


class PythonBase(Base):
    """A file with ``def respond(seed: int, **factors) -> Mapping[str, float]``."""

    suffixes = (".py",)

    def __init__(self, path: Path, overrides: Sequence[str]) -> None:
        self._path, self._inputs = path, Inputs()
        self._parameters = _parameters(path)
        problems: list[Problem] = []
        self._arguments: dict[str, Any] = {}
        for text in overrides:
            option = f"--set {text}"
            try:
                name, value = parsed(text, option)
            except InputError as error:
                problems += error.problems
            else:
                self._arguments[name] = value
                problems += self._unknown(name, option)
        if problems:
            raise InputError(problems)
        self._overrides = tuple(overrides)

    def content(self, changes: Sequence[Change], seed: int, inputs: str = FROM_POINT) -> Content:
        """Return the call of the function with these arguments."""
        if problems := self.mistakes(changes):
            raise InputError(problems)
        return self._content({**self._arguments, **dict(changes)}, seed, inputs)

    def mistakes(self, changes: Sequence[Change]) -> tuple[Problem, ...]:
        """Return arguments that the function does not have, and those of its own that have no value."""
        unknown = (problem for one in changes for problem in self._unknown(one[0], spelled(*one)))
        return (*unknown, *self._missing(dict(changes)))

    def metrics(self) -> None:
        """Return nothing: what the function returns is known when it has returned it."""
        return

    def kept(self) -> tuple[Content, Mapping[str, Any]]:
        """Return the function with the arguments that the study sets."""
        content = self._content(self._arguments, 0, "inputs")
        return content, {"base": json.loads(content.text)["file"], "set": list(self._overrides)}

    def _content(self, arguments: Mapping[str, Any], seed: int, inputs: str) -> Content:
        name = self._inputs.name(self._path)
        call = {"file": f"{inputs}/{name}", "arguments": arguments, "seed": seed}
        told = [self._inputs.hash(self._path), arguments, seed]
        return Content("call.json", f"{json.dumps(call)}\n", {name: self._path}, id_of(told), 1.0)

    def _unknown(self, name: str, file: str) -> Iterator[Problem]:
        any_name = any(one.kind is one.VAR_KEYWORD for one in self._parameters.values())
        known = [one.name for one in self._parameters.values() if _takes_keyword(one) and one.name != "seed"]
        if name == "seed" or (name not in known and not any_name):
            known_text = f"known: {', '.join(known)}" if known else None
            message = "replications set it" if name == "seed" else "respond has no such argument"
            yield Problem(message, file, None, name, suggestion(name, known) or known_text)

    def _missing(self, given: Mapping[str, Any]) -> Iterator[Problem]:
        for one in self._parameters.values():
            needed = _takes_keyword(one) and one.default is one.empty and one.name != "seed"
            if needed and one.name not in given and one.name not in self._arguments:
                yield Problem(f"argument {one.name} of respond has no value", str(self._path), _line(self._path))


def _parameters(path: Path) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a file's ``respond``. Raises InputError if there is none that can be called so."""
    respond = _imported(path)
    parameters = inspect.signature(respond).parameters
    problems = [
        Problem(f"respond has {one.name} by place only; expected arguments by name", str(path), _line(path))
        for one in parameters.values()
        if not _takes_keyword(one) and one.kind is not one.VAR_KEYWORD
    ]
    if "seed" not in parameters and not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        problems.append(Problem("respond has no argument seed", str(path), _line(path)))
    if problems:
        raise InputError(problems)
    return parameters


def _imported(path: Path) -> Callable[..., Any]:
    if not path.is_file():
        raise InputError(Problem("cannot be read: No such file or directory", str(path)))
    specification = importlib.util.spec_from_file_location(f"study_base_{path.stem}", path)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    except Exception as error:  # whatever the author's file raises is a mistake in it
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else next(reversed(lines), None)
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise InputError(Problem(f"cannot be imported: {type(error).__name__}: {reason}", str(path), line)) from None
    respond = getattr(module, "respond", None)
    if not callable(respond):
        raise InputError(Problem("has no function respond", str(path), suggestion="expected def respond(seed, ...)"))
    return respond


def _takes_keyword(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)


def _line(path: Path) -> int | None:
    """Return the line in which ``respond`` begins."""
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    return next((number for number, line in lines if line.startswith("def respond")), None)
