"""What pydantic found wrong, in the words of the person who wrote the file."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from twin.errors import Problem
from twin.scenario.document import Document, Key, KeyPath, dotted

_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "datetime_type": "a time such as 2026-06-21T06:00:00+08:00",
    "datetime_parsing": "a time such as 2026-06-21T06:00:00+08:00",
    "datetime_from_date_parsing": "a time such as 2026-06-21T06:00:00+08:00",
    "timezone_aware": "a time with a time zone, such as 2026-06-21T06:00:00+08:00",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
    "literal_error": "{expected}",
    "union_tag_invalid": "{expected_tags}",
}


def complaints(model: type[BaseModel], document: Document, errors: Sequence[ErrorDetails]) -> Iterator[Problem]:
    """Yield a problem for every error that the validation of ``document`` as a ``model`` found."""
    words = _Words(model, document)
    unknown = {error["loc"] for error in errors if error["type"] == "extra_forbidden"}
    meant = {(*loc[:-1], words.closest(loc)) for loc in unknown}
    for error in errors:
        if _not_meant(error, errors):
            continue
        # A misspelt key is one mistake: it is not missing as well.
        if not (error["type"] == "missing" and error["loc"] in meant):
            yield words.problem(error)


def found(value: Any) -> str:
    """Return a value as its author would know it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    return repr(value)


def suggestion(word: str, known: Sequence[str]) -> str | None:
    """Return a question after the word that was meant, if one is close."""
    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean {close[0]}?" if close else None


def type_at(annotation: Any, path: Sequence[Key]) -> Any:
    """Return the type that stands at ``path`` (as pydantic states it, with the kinds of plug-ins), or None."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if not path:
        return annotation
    key, rest = path[0], path[1:]
    if get_origin(annotation) is list:
        return type_at(get_args(annotation)[0], rest)
    if get_origin(annotation) is Mapping:
        return type_at(get_args(annotation)[1], rest)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = _fields(annotation).get(str(key))
        return type_at(field.annotation, rest) if field else None
    return next((type_at(member, rest) for member in get_args(annotation) if _kind(member) == key), None)


def _fields(model: Any) -> dict[str, FieldInfo]:
    """Return the fields of a model as a file calls them."""
    return {field.alias or name: field for name, field in getattr(model, "model_fields", {}).items()}


def _kind(member: Any) -> Any:
    return member.model_fields["kind"].default if hasattr(member, "model_fields") else None


def _not_meant(error: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Say whether it is about one type of a value that may have several, where mistakes inside show another meant."""
    above, deep = error["loc"][:-1], len(error["loc"])
    others = (other["loc"] for other in errors if len(other["loc"]) > deep and other["loc"][: deep - 1] == above)
    return _is_type(error["loc"][-1:]) and any(_is_type(loc[deep - 1 :]) for loc in others)


def _is_type(loc: Sequence[Key]) -> bool:
    """Say whether pydantic's place of an error goes on with one type of several, as in ``list[int]``."""
    return bool(loc) and isinstance(loc[0], str) and loc[0].endswith("]")


class _Words:
    """Puts errors of one document into words."""

    def __init__(self, model: type[BaseModel], document: Document) -> None:
        self._model = model
        self._document = document

    def problem(self, error: ErrorDetails) -> Problem:
        """Return one error as a problem at its place."""
        path = self._path(error["loc"])
        kind, context, value = error["type"], error.get("ctx", {}), error["input"]
        if kind == "extra_forbidden":
            return self._document.problem(path, "unknown key", self._meant(error["loc"]))
        if kind == "missing":
            return self._document.problem(path, "missing")
        if kind == "union_tag_not_found":
            kinds = (repr(_kind(member)) for member in get_args(type_at(self._model, error["loc"])))
            return self._document.problem((*path, "kind"), f"missing; expected one of {', '.join(kinds)}")
        if kind == "union_tag_invalid":
            return self._wrong_kind((*path, "kind"), str(context["tag"]), str(context["expected_tags"]))
        if kind == "value_error":
            return self._document.problem(path, str(context["error"]))
        expected = _EXPECTED[kind].format_map(context) if kind in _EXPECTED else error["msg"]
        close = suggestion(value, expected.split("'")) if kind == "literal_error" and isinstance(value, str) else None
        return self._document.problem(path, f"found {found(value)}; expected {expected}", close)

    def closest(self, loc: tuple[Key, ...]) -> str | None:
        """Return what an unknown key at ``loc`` means: a name with a unit, a place elsewhere, or a similar name."""
        owner = type_at(self._model, loc[:-1])
        known, word = list(_fields(owner)), str(loc[-1])
        with_unit = [name for name in known if name.startswith(f"{word}_")]
        elsewhere = [dotted(path) for path in _field_paths(self._model, ()) if path[-1] == word]
        return next(iter(with_unit or elsewhere or difflib.get_close_matches(word, known, 1)), None)

    def _wrong_kind(self, path: KeyPath, tag: str, tags: str) -> Problem:
        return self._document.problem(path, f"found {tag!r}; expected one of {tags}", suggestion(tag, tags.split("'")))

    def _meant(self, loc: tuple[Key, ...]) -> str | None:
        if close := self.closest(loc):
            return f"did you mean {close}?"
        known = _fields(type_at(self._model, loc[:-1]))
        return f"known: {', '.join(known)}" if known else None

    def _path(self, loc: tuple[Key, ...]) -> KeyPath:
        """Return ``loc`` as a path of the document: without types and kinds, and not deeper than what is there."""
        path: list[Key] = []
        data, tagged = self._document.data, False
        for depth, key in enumerate(loc):
            if isinstance(data, dict) and data.get("kind") == key and not tagged:
                tagged = True  # a kind comes first, though it may be called as one of its fields
                continue
            if _is_type((key,)) and not (isinstance(data, dict) and key in data):
                continue
            if not isinstance(data, dict | list):
                break
            path.append(key)
            inside = key in data if isinstance(data, dict) else isinstance(key, int) and key < len(data)
            if not inside:
                return (*path, *loc[depth + 1 :])
            data, tagged = data[key], False  # type: ignore[index]
        return tuple(path)


def _field_paths(model: type[BaseModel], above: KeyPath) -> Iterator[KeyPath]:
    for name, field in _fields(model).items():
        path = (*above, name)
        yield path
        inner = type_at(field.annotation, ())
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _field_paths(inner, path)
