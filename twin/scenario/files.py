"""The files that a scenario names: where they are, and how they travel with a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from twin.scenario.document import KeyPath

FOLDER = "inputs"
"""Where a run's folder keeps the files that its scenario names."""

_FIELDS: tuple[KeyPath, ...] = (
    ("load", "file"),
    ("pv", "file"),
    ("ambient", "file"),
    ("frequency", "file"),
    ("schedule", "file"),
    ("plant", "electrical"),
    ("plant", "thermal"),
    ("bus", "database"),
)
_LISTS: tuple[KeyPath, ...] = (("bus", "replay"),)
"""Lists whose items each have a ``file``."""
_MAPPINGS: tuple[KeyPath, ...] = (("bms", "firmware"), ("ota", "release"))
"""Mappings whose values may be paths."""


def is_path(name: str) -> bool:
    """Say whether a name is the path of a file, and not one of the files that ship with the package."""
    return "/" in name or "\\" in name or Path(name).suffix.lower() in (".fmu", ".dbc", ".py", ".img")


def from_folder(data: Any, folder: Path) -> Any:
    """Return the data of a scenario with its relative paths made absolute, starting from ``folder``."""
    return renamed(data, lambda name: str(folder.resolve() / name))


def renamed(data: Any, new: Callable[[str], str]) -> Any:
    """Return the data of a scenario with ``new(name)`` for the name of each file."""
    for path, name in named(data):
        data = _with(data, path, new(name))
    return data


def companions(data: Any) -> tuple[Any, dict[str, Path]]:
    """Return the data of a scenario with its files named within a run's folder, and where they come from.

    The second maps names within the run's folder to files. An FMU brings its ports file.
    """
    sources: dict[str, Path] = {}
    for path, name in named(data):
        prefix = _prefix(path) + "-"
        source = Path(name)
        target = f"{FOLDER}/{prefix}{source.name.removeprefix(prefix)}"
        sources[target] = source
        ports = source.with_suffix(".ports.yaml")
        if source.suffix.lower() == ".fmu" and ports.is_file():
            sources[str(Path(target).with_suffix(".ports.yaml"))] = ports
        data = _with(data, path, target)
    return data, sources


def named(data: Any) -> Iterator[tuple[KeyPath, str]]:
    """Yield where a scenario names a file, and its name."""
    for path in (*_FIELDS, *_items(data)):
        name = _at(data, path)
        if isinstance(name, str) and name and (path[-1] == "file" or is_path(name)):
            yield path, name


def _items(data: Any) -> Iterator[KeyPath]:
    for path in _LISTS:
        items = _at(data, path)
        for index in range(len(items) if isinstance(items, list | tuple) else 0):
            yield (*path, index, "file")
    for path in _MAPPINGS:
        mapping = _at(data, path)
        yield from ((*path, key) for key in (mapping if isinstance(mapping, dict) else ()))


def _at(data: Any, path: KeyPath) -> Any:
    """Return the value at a path, None if there is none."""
    for step in path:
        inside = isinstance(data, dict) if isinstance(step, str) else isinstance(data, list | tuple)
        data = (data.get(step) if isinstance(data, dict) else data[step]) if inside else None
    return data


def _prefix(path: KeyPath) -> str:
    """Return what a file's name begins with in a run's folder: a file is called by what it is for."""
    if path[-1] != "file":
        return "-".join(map(str, path[1:]))
    return "-".join(map(str, path[1:-1] if len(path) > 2 else path[:1]))


def _with(data: Any, path: KeyPath, value: str) -> Any:
    """Return the data with another value at a path."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(data, dict):
        return {**data, step: _with(data[step], rest, value)}
    return [_with(item, rest, value) if index == step else item for index, item in enumerate(data)]
