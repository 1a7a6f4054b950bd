"""Which formats there are, and what each can hold."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from twin.errors import InputError, Problem


@dataclass(frozen=True)
class Format:
    """A file format for traces."""

    name: str
    suffix: str
    resolution_ns: int
    """Of time stamps, from one to the next; a file is no more precise."""
    errors: Literal["identified", "bare", "none"]
    """Error frames: with the identifier of the frame that was lost, as such, or not at all."""


FORMATS = {
    one.name: one
    for one in (
        Format("blf", ".blf", 1, "identified"),
        Format("asc", ".asc", 1000, "bare"),
        Format("mf4", ".mf4", 1, "identified"),
        Format("candump", ".log", 1000, "bare"),
        Format("trc", ".trc", 1000, "none"),
    )
}


def format_named(name: str, *, path: str = "format") -> Format:
    """Return the format of that name. Raises InputError, which says ``path``, if there is none."""
    if name not in FORMATS:
        close = difflib.get_close_matches(name, FORMATS, 1)
        known = f"did you mean {close[0]}?" if close else None
        raise InputError(Problem(f"found {name!r}; expected {', '.join(FORMATS)}", path=path, suggestion=known))
    return FORMATS[name]


def format_of(file: Path) -> Format:
    """Return the format that a file's name says. Raises InputError if it says none."""
    for one in FORMATS.values():
        if file.suffix.lower() == one.suffix:
            return one
    known = ", ".join(f"{one.suffix} ({one.name})" for one in FORMATS.values())
    raise InputError(Problem(f"found the ending {file.suffix!r}; expected {known}", file=str(file)))
