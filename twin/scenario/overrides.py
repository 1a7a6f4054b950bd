"""``--set path=value``: one value of a scenario, changed on the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from twin.errors import InputError, Problem
from twin.scenario.document import Document, KeyPath, Place, dotted, key_path, parse

_PATH = re.compile(r"\w+(\[\d+\])*(\.\w+(\[\d+\])*)*")


def apply(document: Document, overrides: Sequence[str]) -> list[Problem]:
    """Change ``document`` by ``fleet.sites=3``, ``faults[0].heat_W=50``...; the values are YAML.

    Returns the problems of the overrides themselves, each named by its option.
    """
    problems: list[Problem] = []
    for text in overrides:
        option = f"--set {text}"
        try:
            name, value = parsed(text, option)
            change(document, name, value, Place(option))
        except InputError as error:
            problems += error.problems
    return problems


def parsed(text: str, option: str) -> tuple[str, Any]:
    """Return path and value of ``fleet.sites=3``. Raises InputError, which calls the text ``option``."""
    name, equals, value = text.partition("=")
    name = name.strip()
    if not (equals and is_path(name)):
        raise InputError(Problem("is no path=value", option, suggestion="expected e.g. --set fleet.sites=3"))
    try:
        return name, parse(value, option).data
    except InputError as error:
        raise InputError(Problem(p.message, option, None, name) for p in error.problems) from None


def is_path(name: str) -> bool:
    """Say whether a text can be a path: ``fleet.sites``, ``faults[0].heat_W``."""
    return _PATH.fullmatch(name) is not None


def change(document: Document, name: str, value: Any, place: Place) -> None:
    """Set one value of ``document``, and say that it comes from ``place``.

    Raises InputError where something else is in the way: a number where the path expects a section.
    """
    path = key_path(name)
    try:
        document.data = _changed(document.data, path, value, ())
    except ValueError as error:
        raise InputError(Problem(str(error), place.file, place.line, name)) from None
    _move(document, path, place)


def _changed(data: Any, path: KeyPath, value: Any, above: KeyPath) -> Any:
    """Return ``data`` with ``value`` at ``path``; sections on the way are made as needed, list items are not."""
    if not path:
        return value
    key, *rest = path
    if isinstance(key, int):
        if not isinstance(data, list | None) or key > len(data or []):
            raise ValueError(f"{dotted(above)} is {_described(data)}; expected a list of at least {key} items")
        items = list(data or [])
        old = items[key] if key < len(items) else None
        return [*items[:key], _changed(old, tuple(rest), value, (*above, key)), *items[key + 1 :]]
    if not isinstance(data, dict | None):
        raise ValueError(f"{dotted(above)} is {_described(data)}; expected a mapping")
    section = dict(data or {})
    section[key] = _changed(section.get(key), tuple(rest), value, (*above, key))
    return section


def _described(data: Any) -> str:
    if isinstance(data, list):
        return f"a list of {len(data)}"
    return "a mapping" if isinstance(data, dict) else "nothing" if data is None else repr(data)


def _move(document: Document, path: KeyPath, place: Place) -> None:
    """Say that everything at and below ``path`` comes from ``place``, and so do sections made for it."""
    for known in [key for key in document.places if key[: len(path)] == path]:
        del document.places[known]
    for length in range(1, len(path) + 1):
        document.places.setdefault(path[:length], place)
