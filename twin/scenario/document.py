"""A YAML 1.2 file as plain data, with the place of every key and value.

Scalars follow the core schema of YAML 1.2 (chapter 10.3): ``1e3`` is a number, ``off`` and ``012:30`` are text. The
places are why nodes are composed here and not loaded: every duplicate key is found, and its line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from twin.errors import InputError, Problem

Key = str | int
KeyPath = tuple[Key, ...]

_CORE = "tag:yaml.org,2002:"
_MOST_NODES = 100_000
_NULL = re.compile(r"|~|null|Null|NULL")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}


@dataclass(frozen=True)
class Place:
    """Where something of the input stands: a file and line, or a command line option."""

    file: str
    line: int | None = None


@dataclass
class Document:
    """Plain data and the place of each of its keys and values."""

    data: Any
    root: Place
    places: dict[KeyPath, Place] = field(default_factory=dict)

    def place(self, path: KeyPath) -> Place:
        """Return the place of ``path``, or of the innermost part of it that exists."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return self.root

    def problem(self, path: KeyPath, message: str, suggestion: str | None = None) -> Problem:
        """Return a problem at ``path``."""
        place = self.place(path)
        return Problem(message, place.file, place.line, dotted(path) or None, suggestion)


def dotted(path: KeyPath) -> str:
    """Return ``faults[2].heat_W`` for ``("faults", 2, "heat_W")``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def key_path(text: str) -> KeyPath:
    """Return ``("faults", 2, "heat_W")`` for ``faults[2].heat_W``."""
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"\w+", text))


def read(path: Path) -> Document:
    """Return the document in a file: YAML, of which JSON is a part.

    Raises InputError if the file cannot be read or is no YAML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", str(path))) from None
    except UnicodeDecodeError as error:
        raise InputError(Problem(f"is no UTF-8 text: byte {error.start}", str(path))) from None
    written = _json_line(text, str(path)) if path.suffix == ".json" else None
    return written or parse(text, str(path))


def _json_line(text: str, file: str) -> Document | None:
    """Return the document in one line of JSON, what programs write, in a fiftieth of the time that YAML takes.

    None if it is anything else: several lines, a key twice, broken. The reader of YAML knows what stands where.
    """
    if len(text.splitlines()) != 1:
        return None
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_int=scalar, parse_float=scalar, parse_constant=scalar)
    except (ValueError, RecursionError):
        return None
    place = Place(file, 1)
    return Document(data, place, dict.fromkeys(_paths(data, ()), place))


def _unique(entries: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(entries)
    if len(found) < len(entries) or "<<" in found:
        raise ValueError("YAML refuses this")
    return found


def _paths(data: Any, path: KeyPath) -> Iterator[KeyPath]:
    """Yield the paths of all that is in ``data``."""
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in entries:
        yield (*path, key)
        yield from _paths(value, (*path, key))


def parse(text: str, file: str) -> Document:
    """Return the document in ``text``; ``file`` is what problems call it.

    Raises InputError with the one syntax error, or with every duplicate key, foreign tag and key that is no text.
    """
    try:
        node = YAML(pure=True).compose(text)
    except MarkedYAMLError as error:
        raise InputError(_syntax_error(error, file)) from None
    except RecursionError:
        raise InputError(Problem("broken YAML: nested too deeply", file)) from None
    except (YAMLError, ValueError) as error:
        raise InputError(Problem(f"broken YAML: {_first_line(error)}", file)) from None
    reader = _Reader(file)
    data = None if node is None else reader.value(node, ())
    if reader.problems:
        raise InputError(reader.problems)
    return Document(data, Place(file, 1), reader.places)


def _syntax_error(error: MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    began = error.context_mark.line + 1 if error.context and error.context_mark else None
    context = f" ({error.context} from line {began})" if began and error.problem else ""
    return Problem(f"broken YAML: {error.problem or error.context}{context}", file, mark.line + 1 if mark else None)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


class _Reader:
    """Turns composed nodes into plain data."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[KeyPath, Place] = {}
        self.problems: list[Problem] = []
        self._open: list[Node] = []
        self._nodes = 0

    def value(self, node: Node, path: KeyPath) -> Any:
        """Return the data of ``node``, and note the places of what is in it."""
        self._nodes += 1
        tag = str(node.tag)
        if not tag.startswith(_CORE):
            return self._complain(node, path, f"tag {tag} is not used here")
        if any(parent is node for parent in self._open):
            return self._complain(node, path, "an alias that contains itself")
        if self._nodes > _MOST_NODES:
            raise InputError(Problem(f"more than {_MOST_NODES} values", self.file))
        self._open.append(node)
        try:
            return self._data(node, path)
        finally:
            self._open.pop()

    def _data(self, node: Node, path: KeyPath) -> Any:
        if isinstance(node, MappingNode):
            return {key: self._entry(value, (*path, key), line) for key, line, value in self._entries(node, path)}
        if isinstance(node, SequenceNode):
            return [self._entry(item, (*path, i), item.start_mark.line) for i, item in enumerate(node.value)]
        quoted = isinstance(node, ScalarNode) and node.style is not None
        return scalar(node.value, plain=not quoted and str(node.tag) != f"{_CORE}str")

    def _entry(self, node: Node, path: KeyPath, line: int) -> Any:
        if isinstance(node, ScalarNode) and node.value:
            line = node.start_mark.line
        self.places[path] = Place(self.file, line + 1)
        return self.value(node, path)

    def _entries(self, node: MappingNode, path: KeyPath) -> Iterator[tuple[str, int, Node]]:
        first: dict[str, int] = {}
        for key_node, value in node.value:
            key, line = key_node.value, key_node.start_mark.line
            if not isinstance(key_node, ScalarNode) or key == "<<":
                self._complain(key_node, path, "a key that is no text")
            elif key in first:
                self._complain(key_node, (*path, key), f"duplicate key; it stands in line {first[key] + 1} already")
            else:
                first[key] = line
                yield key, line, value

    def _complain(self, node: Node, path: KeyPath, message: str) -> None:
        self.problems.append(Problem(message, self.file, node.start_mark.line + 1, dotted(path) or None))


def scalar(text: str, *, plain: bool = True) -> str | int | float | bool | None:
    """Return what a scalar means; one in quotes (not ``plain``) is text.

    A whole number is an int however it is written, so that ``1e3`` may count sites.
    """
    if not plain:
        return text
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text) and len(text) < 300:
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return int(number) if abs(number) < 2**53 and number.is_integer() else number
    return float(_SPECIAL[text.lower()]) if text.lower() in _SPECIAL else text
