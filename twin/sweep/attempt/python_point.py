"""A point whose base is a Python function: ``call.json`` says which file, with which arguments and seed."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from twin.errors import InputError, Problem


def respond(folder: Path) -> dict[str, dict[str, float]]:
    """Call the function of a point, and return what it answers; what is not finite is no answer.

    Raises InputError if the file has no such function, or that does not return numbers by name.
    """
    call = json.loads((folder / "call.json").read_text(encoding="utf-8"))
    file = (folder / call["file"]).resolve()
    source = file.read_bytes()
    found = _function(file, source, hashlib.sha256(source).hexdigest())(seed=call["seed"], **call["arguments"])
    return {name: {"mean": value} for name, value in _numbers(found, file).items() if math.isfinite(value)}


@lru_cache(maxsize=16)
def _function(file: Path, source: bytes, digest: str) -> Callable[..., Any]:
    """Return the function ``respond`` of a file, which is run once; no compiled copy is left beside it."""
    module = ModuleType(f"twin_study_{digest[:12]}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # as an import would: data classes look their module up
    exec(compile(source, str(file), "exec"), module.__dict__)
    function = getattr(module, "respond", None)
    if not callable(function):
        raise InputError(Problem("has no function respond(seed, **factors)", str(file)))
    return function


def _numbers(found: object, file: Path) -> dict[str, float]:
    if not isinstance(found, Mapping):
        raise InputError(Problem(f"respond returned {_short(found)}; expected numbers by name", str(file)))
    numbers = {str(name): _number(value) for name, value in found.items()}
    if strange := [name for name in found if numbers[str(name)] is None]:
        raise InputError(
            Problem(f"respond returned {_short(found[name])}; expected a number", str(file), path=str(name))
            for name in strange
        )
    return {name: number for name, number in numbers.items() if number is not None}


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        return None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
