"""Modelica text to checked equations, by rumoca: a compiler session and a target that prints its intermediate form.

The printed form is no stable interface. So one version of rumoca is accepted, the numbers of both schemas are checked
before anything is read, and whatever is not understood later is refused (docs/decisions/0003-modelica-front-end.md).
"""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twin.errors import InputError, Problem

RUMOCA = "0.10.2"
SCHEMAS = {"solve": 71, "dae": 6}
TARGET = Path(__file__).with_name("ir")

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """One Modelica file as the compiler read it."""

    file: str
    text: str
    line_starts: tuple[int, ...] = field(repr=False)

    @classmethod
    def of(cls, file: str, text: str) -> Source:
        """Return the source with its lines indexed by byte, as the compiler counts."""
        starts = [0]
        for line in text.encode().split(b"\n"):
            starts.append(starts[-1] + len(line) + 1)
        return cls(file, text, tuple(starts))

    def line(self, offset: int) -> int:
        """Return the line, counted from 1, of a byte offset."""
        return bisect.bisect_right(self.line_starts, offset)


@dataclass(frozen=True)
class Equations:
    """A flat model: variables, functions and equations, as records of the compiler's DAE form."""

    name: str
    variables: Sequence[Record]
    value_types: Sequence[Record]
    functions: Mapping[int, Record]
    domains: Mapping[int, Record]
    expressions: Mapping[int, Record]
    systems: Record
    sources: Mapping[int, Source]

    def refusal(self, what: str, provenance: Record | None) -> InputError:
        """Return the error that says what in this class cannot be translated, with file and line."""
        span = (provenance or {}).get("span") or {}
        source = self.sources.get(span.get("source", -1))
        message = f"{what} cannot be translated to an FMU"
        if source is None:
            return InputError(Problem(message, path=self.name))
        return InputError(Problem(message, source.file, source.line(span["start"]), self.name))


def compile_class(name: str, file: Path, library: Sequence[Path] = ()) -> Equations:
    """Return the flat equations of class ``name`` in ``file``; ``library`` are folders that hold packages.

    Raises InputError, with class and line, where the Modelica is wrong, and where another rumoca is installed.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(Problem(f"cannot read the Modelica file: {error.strerror}", str(file))) from None
    return compile_text(name, text, str(file), library)


def compile_text(name: str, text: str, file: str = "model.mo", library: Sequence[Path] = ()) -> Equations:
    """Return the flat equations of class ``name`` in ``text``; otherwise like ``compile_class``."""
    rumoca = _rumoca()
    session = rumoca.Session(roots=[str(folder) for folder in library])
    try:
        model = session.loads(text, model=name, filename=file)
        printed = model.codegen(str(TARGET)).files[0].content
        files = model.to_dict("dae")["source_map"]["files"]
    except (rumoca.RumocaError, RuntimeError) as error:
        raise InputError(_compiler_problems(name, text, file, str(error))) from None
    return _equations(name, _parse(printed), {number: Source.of(path, content) for number, path, content in files})


def _rumoca() -> Any:
    try:
        import rumoca  # the compiler is a large library: only where something is built
    except ImportError:
        raise InputError(Problem(f"rumoca is not installed; pip install rumoca=={RUMOCA}")) from None
    if rumoca.version() != RUMOCA:
        found = f"rumoca {rumoca.version()} is installed, expected {RUMOCA}: the form that it prints is not stable"
        raise InputError(Problem(found, suggestion=f"pip install rumoca=={RUMOCA}"))
    return rumoca


def _equations(name: str, ir: Record, sources: Mapping[int, Source]) -> Equations:
    found = {"solve": int(ir["solve_schema"]), "dae": int(ir["schema"]["version"])}
    if found != SCHEMAS:
        raise InputError(Problem(f"rumoca prints schemas {found}, expected {SCHEMAS}", path=name))
    by_id = {kind: {record["id"]: record for record in ir[kind]} for kind in ("functions", "domains", "expressions")}
    types = [record["value_type"] for record in ir["value_types"]]
    return Equations(name, ir["variables"], types, systems=ir["systems"], sources=sources, **by_id)


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\bnone\b|\bundefined\b|\bNaN\b|\binf\b', re.DOTALL)
_WORDS = {"none": "null", "undefined": "null", "NaN": "NaN", "inf": "Infinity"}


def _parse(printed: str) -> Any:
    """Return what the target printed: JSON but for its words for nothing and infinity, and Rust's string escapes."""
    return json.loads(_TOKEN.sub(_as_json, printed))


def _as_json(match: re.Match[str]) -> str:
    token = match.group(0)
    if not token.startswith('"'):
        return _WORDS[token]
    token = re.sub(r"\\u\{([0-9a-fA-F]+)\}", lambda code: json.dumps(chr(int(code.group(1), 16)))[1:-1], token)
    return token.replace("\\'", "'").replace("\\0", "\\u0000")


def _compiler_problems(name: str, text: str, file: str, message: str) -> list[Problem]:
    """Return the compiler's message as problems with lines, as near as it lets us know them."""
    import rumoca

    diagnostics = rumoca.validate_source(text, model=name, filename=file)
    places = [
        place for d in diagnostics for place in re.findall(r"× ([^\n]+)\n.*?\[[^\]]*:(\d+):\d+\]", d.message, re.S)
    ]
    if places:
        return [Problem(what, file, int(line), name) for what, line in dict.fromkeys(places)]
    return [Problem(message.split("\n")[0], file, _line_of(name, text, message), name)]


def _line_of(name: str, text: str, message: str) -> int | None:
    """Return the line of the first quoted word of a message, else of the class itself."""
    words = [*re.findall(r"['`]([\w.]+)['`]", message), name.rpartition(".")[2]]
    if "algorithm" in message:
        words.insert(0, "algorithm")
    for word in words:
        for number, line in enumerate(text.split("\n"), start=1):
            if re.search(rf"\b{re.escape(word)}\b", line):
                return number
    return None
